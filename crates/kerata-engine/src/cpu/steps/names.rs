//! Which ops are elementwise functions and reductions that programs know.

use kerata_core::ops::{self, Op};

use crate::cpu::kernels::elementwise::{Binary, Unary};
use crate::cpu::kernels::reduce::Reduce;

/// The function of a unary op.
pub(crate) fn unary(op: &dyn Op) -> Option<Unary> {
    Some(match op.name() {
        "negative" => Unary::Negative,
        "absolute" => Unary::Abs,
        "square" => Unary::Square,
        "sqrt" => Unary::Sqrt,
        "rsqrt" => Unary::Rsqrt,
        "reciprocal" => Unary::Reciprocal,
        "exp" => Unary::Exp,
        "expm1" => Unary::Expm1,
        "log" => Unary::Log,
        "log1p" => Unary::Log1p,
        "tanh" => Unary::Tanh,
        "sigmoid" => Unary::Sigmoid,
        "softplus" => Unary::Softplus,
        "erf" => Unary::Erf,
        "relu" => Unary::Relu,
        "floor" => Unary::Floor,
        "ceil" => Unary::Ceil,
        "sign" => Unary::Sign,
        "sin" => Unary::Sin,
        "cos" => Unary::Cos,
        "stop_gradient" | "identity" => Unary::Copy,
        _ => return None,
    })
}

/// The function of a binary op.
pub(crate) fn binary(op: &dyn Op) -> Option<Binary> {
    Some(match op.name() {
        "add" => Binary::Add,
        "subtract" => Binary::Subtract,
        "multiply" => Binary::Multiply,
        "divide" => Binary::Divide,
        "maximum" => Binary::Maximum,
        "minimum" => Binary::Minimum,
        "power" => Binary::Power,
        _ => return None,
    })
}

/// The comparison of an op.
pub(crate) fn comparison(op: &dyn Op) -> Option<Binary> {
    Some(match op.name() {
        "less" => Binary::Less,
        "less_equal" => Binary::LessEqual,
        "greater" => Binary::Greater,
        "greater_equal" => Binary::GreaterEqual,
        "equal" => Binary::Equal,
        "not_equal" => Binary::NotEqual,
        _ => return None,
    })
}

/// A binary function with one side a number, as a unary one.
pub(crate) fn with_number(function: Binary, number: f32, is_left: bool) -> Option<Unary> {
    Some(match (function, is_left) {
        (Binary::Add, _) => Unary::Plus(number),
        (Binary::Subtract, false) => Unary::Plus(-number),
        (Binary::Subtract, true) => Unary::From(number),
        (Binary::Multiply, _) => Unary::Times(number),
        (Binary::Divide, false) => Unary::Per(number),
        (Binary::Divide, true) => Unary::Over(number),
        (Binary::Maximum, _) => Unary::AtLeast(number),
        (Binary::Minimum, _) => Unary::AtMost(number),
        (Binary::Power, false) if number == 2.0 => Unary::Square,
        (Binary::Power, false) if number == 0.5 => Unary::Sqrt,
        (Binary::Power, false) if number == 1.0 => Unary::Copy,
        (Binary::Power, false) if number == -1.0 => Unary::Reciprocal,
        (Binary::Power, false) => Unary::Power(number),
        (Binary::Power, true) => Unary::Base(number),
        _ => return None,
    })
}

/// The function, axes and `keepdims` of a reduction.
pub(crate) fn reduction(op: &dyn Op) -> Option<(Reduce, &[usize], bool)> {
    let op = op.as_any();
    macro_rules! among {
        ($($type:ident => $function:ident),*) => {
            $(if let Some(op) = op.downcast_ref::<ops::$type>() {
                return Some((Reduce::$function, &op.axes, op.keepdims));
            })*
        };
    }
    among!(Sum => Sum, Mean => Mean, Max => Max, Min => Min, Prod => Prod);
    None
}
