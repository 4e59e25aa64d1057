//! Functions of two tensors, element by element.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::one;

pub(super) const TABLE: Table = &[
    ("Add", |call| call.binary(ops::add)),
    ("Arctan2", |call| call.binary(ops::arctan2)),
    ("BitwiseAnd", |call| call.binary(ops::bitwise_and)),
    ("BitwiseLeftShift", |call| call.binary(ops::left_shift)),
    ("BitwiseOr", |call| call.binary(ops::bitwise_or)),
    ("BitwiseRightShift", |call| call.binary(ops::right_shift)),
    ("BitwiseXor", |call| call.binary(ops::bitwise_xor)),
    ("Divide", |call| call.binary(ops::divide)),
    ("DivideNoNan", |call| call.binary(ops::divide_no_nan)),
    ("Equal", |call| call.binary(ops::equal)),
    ("FloorDivide", |call| call.binary(ops::floor_divide)),
    ("Fmax", |call| call.binary(|a, b| without_nan(a, b, ops::maximum))),
    ("Fmin", |call| call.binary(|a, b| without_nan(a, b, ops::minimum))),
    ("Fmod", |call| call.binary(fmod)),
    ("Greater", |call| call.binary(ops::greater)),
    ("GreaterEqual", |call| call.binary(ops::greater_equal)),
    ("Hypot", |call| call.binary(hypot)),
    ("Isclose", |call| {
        let (rtol, atol) = (call.or("rtol", 1e-5)?, call.or("atol", 1e-8)?);
        call.binary(|a, b| isclose(a, b, rtol, atol))
    }),
    ("LeftShift", |call| call.binary(ops::left_shift)),
    ("Less", |call| call.binary(ops::less)),
    ("LessEqual", |call| call.binary(ops::less_equal)),
    ("Logaddexp", |call| call.binary(ops::logaddexp)),
    ("Logaddexp2", |call| call.binary(logaddexp2)),
    ("LogicalAnd", |call| call.binary(ops::logical_and)),
    ("LogicalOr", |call| call.binary(ops::logical_or)),
    ("LogicalXor", |call| call.binary(ops::logical_xor)),
    ("Maximum", |call| call.binary(ops::maximum)),
    ("Minimum", |call| call.binary(ops::minimum)),
    ("Mod", |call| call.binary(ops::remainder)),
    ("Multiply", |call| call.binary(ops::multiply)),
    ("NotEqual", |call| call.binary(ops::not_equal)),
    ("Power", |call| call.binary(ops::power)),
    ("RightShift", |call| call.binary(ops::right_shift)),
    ("Subtract", |call| call.binary(ops::subtract)),
    ("TrueDivide", |call| call.binary(ops::divide)),
    ("Where", |call| {
        let condition = ops::cast(&call.tensor("condition", 0)?, DType::Bool)?;
        let (Some(a), Some(b)) = (call.optional("x1", 1)?, call.optional("x2", 2)?) else {
            return Err(Error::unsupported("`where` without values: its result has no fixed size"));
        };
        // Python numbers take the dtype of the tensor beside them.
        let plain = |name, position| {
            Ok::<_, Error>(call.plain(name, position)?.is_some_and(|tree| tree.as_f64().is_some()))
        };
        let (a, b) = match (plain("x1", 1)?, plain("x2", 2)?) {
            (true, false) if b.dtype().is_float() || !a.dtype().is_float() => (ops::cast(&a, b.dtype())?, b),
            (false, true) if a.dtype().is_float() || !b.dtype().is_float() => {
                (a.clone(), ops::cast(&b, a.dtype())?)
            }
            _ => (a, b),
        };
        one(ops::select(&condition, &a, &b))
    }),
];

/// The root of the sum of squares, without overflow.
fn hypot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = (ops::absolute(&ops::to_float(a)?)?, ops::absolute(&ops::to_float(b)?)?);
    let (large, small) = (ops::maximum(&a, &b)?, ops::minimum(&a, &b)?);
    let ratio = ops::divide_no_nan(&small, &large)?;
    ops::multiply(&large, &ops::sqrt(&ops::plus(&ops::square(&ratio)?, 1.0)?)?)
}

/// The remainder with the sign of the dividend.
fn fmod(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let whole = ops::trunc(&ops::divide(a, b)?)?;
    ops::subtract(a, &ops::cast(&ops::multiply(&whole, b)?, ops::result_type(&[a.dtype(), b.dtype()])?)?)
}

/// A function of two that takes the other number where one is NaN.
fn without_nan(
    a: &Tensor,
    b: &Tensor,
    function: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let either = ops::select(&ops::isnan(b)?, a, &function(a, b)?)?;
    ops::select(&ops::isnan(a)?, b, &either)
}

/// `|a - b| <= atol + rtol · |b|`, or both equal.
pub(super) fn isclose(a: &Tensor, b: &Tensor, rtol: f64, atol: f64) -> Result<Tensor> {
    let (a, b) = (ops::to_float(a)?, ops::to_float(b)?);
    let distance = ops::absolute(&ops::subtract(&a, &b)?)?;
    let allowed = ops::plus(&ops::times(&ops::absolute(&b)?, rtol)?, atol)?;
    ops::logical_or(&ops::equal(&a, &b)?, &ops::less_equal(&distance, &allowed)?)
}

/// `log2(2ᵃ + 2ᵇ)`.
fn logaddexp2(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ln2 = std::f64::consts::LN_2;
    let sum = ops::logaddexp(&ops::times(&ops::to_float(a)?, ln2)?, &ops::times(&ops::to_float(b)?, ln2)?)?;
    ops::times(&sum, 1.0 / ln2)
}
