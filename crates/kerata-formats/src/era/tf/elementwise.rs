//! Elementwise functions of TensorFlow.

use kerata_core::Tree;

use super::{Call, Op};

/// Functions of two tensors or numbers.
const BINARY: &[(&str, &str)] = &[
    ("__operators__.add", "Add"),
    ("add", "Add"),
    ("math.add", "Add"),
    ("math.add_v2", "Add"),
    ("math.divide", "TrueDivide"),
    ("math.divide_no_nan", "DivideNoNan"),
    ("divide", "TrueDivide"),
    ("math.equal", "Equal"),
    ("equal", "Equal"),
    ("math.floordiv", "FloorDivide"),
    ("floor_div", "FloorDivide"),
    ("math.floormod", "Mod"),
    ("math.mod", "Mod"),
    ("math.greater", "Greater"),
    ("greater", "Greater"),
    ("math.greater_equal", "GreaterEqual"),
    ("greater_equal", "GreaterEqual"),
    ("math.less", "Less"),
    ("less", "Less"),
    ("math.less_equal", "LessEqual"),
    ("less_equal", "LessEqual"),
    ("math.logical_and", "LogicalAnd"),
    ("logical_and", "LogicalAnd"),
    ("math.logical_or", "LogicalOr"),
    ("math.logical_xor", "LogicalXor"),
    ("logical_or", "LogicalOr"),
    ("math.maximum", "Maximum"),
    ("maximum", "Maximum"),
    ("math.minimum", "Minimum"),
    ("minimum", "Minimum"),
    ("math.multiply", "Multiply"),
    ("multiply", "Multiply"),
    ("math.not_equal", "NotEqual"),
    ("not_equal", "NotEqual"),
    ("math.pow", "Power"),
    ("pow", "Power"),
    ("math.realdiv", "TrueDivide"),
    ("realdiv", "TrueDivide"),
    ("math.subtract", "Subtract"),
    ("subtract", "Subtract"),
    ("math.truediv", "TrueDivide"),
    ("truediv", "TrueDivide"),
];

/// Functions of one tensor: name, module, class.
const UNARY: &[(&str, &str, &str)] = &[
    ("abs", NUMPY, "Absolute"),
    ("acos", NUMPY, "Arccos"),
    ("acosh", NUMPY, "Arccosh"),
    ("asin", NUMPY, "Arcsin"),
    ("asinh", NUMPY, "Arcsinh"),
    ("atan", NUMPY, "Arctan"),
    ("atanh", NUMPY, "Arctanh"),
    ("ceil", NUMPY, "Ceil"),
    ("cos", NUMPY, "Cos"),
    ("cosh", NUMPY, "Cosh"),
    ("erf", "keras.src.ops.math", "Erf"),
    ("exp", NUMPY, "Exp"),
    ("expm1", NUMPY, "Expm1"),
    ("floor", NUMPY, "Floor"),
    ("is_finite", NUMPY, "Isfinite"),
    ("is_inf", NUMPY, "Isinf"),
    ("is_nan", NUMPY, "Isnan"),
    ("log", NUMPY, "Log"),
    ("log1p", NUMPY, "Log1p"),
    ("log_sigmoid", "keras.src.ops.nn", "LogSigmoid"),
    ("logical_not", NUMPY, "LogicalNot"),
    ("negative", NUMPY, "Negative"),
    ("reciprocal", NUMPY, "Reciprocal"),
    ("rsqrt", "keras.src.ops.math", "Rsqrt"),
    ("sigmoid", "keras.src.ops.nn", "Sigmoid"),
    ("sign", NUMPY, "Sign"),
    ("sin", NUMPY, "Sin"),
    ("sinh", NUMPY, "Sinh"),
    ("softplus", "keras.src.ops.nn", "Softplus"),
    ("softsign", "keras.src.ops.nn", "Softsign"),
    ("sqrt", NUMPY, "Sqrt"),
    ("square", NUMPY, "Square"),
    ("tan", NUMPY, "Tan"),
    ("tanh", NUMPY, "Tanh"),
];

const NUMPY: &str = "keras.src.ops.numpy";

pub(super) fn convert(function: &str, call: &Call) -> Option<Vec<Op>> {
    if let Some((_, class)) = BINARY.iter().find(|(name, _)| *name == function) {
        return Some(vec![Op::numpy(class, vec![call.operand(0, "x")?, call.operand(1, "y")?])]);
    }
    let bare = function.strip_prefix("math.").or_else(|| function.strip_prefix("nn.")).unwrap_or(function);
    if let Some((_, module, class)) = UNARY.iter().find(|(name, _, _)| *name == bare) {
        return Some(vec![Op::new(
            module,
            class,
            vec![call.operand(0, "x").or(call.operand(0, "features"))?],
        )]);
    }
    let x = || call.operand(0, "x");
    Some(match bare {
        "round" => vec![Op::numpy("Round", vec![x()?]).with("decimals", Tree::Int(0))],
        "add_n" => {
            let mut items = call.get(0, "inputs")?.as_list()?.iter();
            let first = items.next()?.clone();
            let mut ops: Vec<Op> = Vec::new();
            for item in items {
                let before = if ops.is_empty() { first.clone() } else { Op::before() };
                ops.push(Op::numpy("Add", vec![before, item.clone()]));
            }
            if ops.is_empty() { vec![Op::new("keras.layers", "Identity", vec![first])] } else { ops }
        }
        "atan2" => vec![Op::numpy("Arctan2", vec![call.operand(0, "y")?, call.operand(1, "x")?])],
        // Zero where x is zero, whatever y is.
        "xlogy" => vec![
            Op::numpy("Log", vec![call.operand(1, "y")?]),
            Op::numpy("Multiply", vec![x()?, Op::before()]),
            Op::numpy("Equal", vec![x()?, 0.0.into()]),
            Op::numpy("Where", vec![Op::before(), 0.0.into(), Op::earlier(1)]),
        ],
        "squared_difference" => vec![
            Op::numpy("Subtract", vec![x()?, call.operand(1, "y")?]),
            Op::numpy("Square", vec![Op::before()]),
        ],
        "clip_by_value" => {
            let bounds = [call.get(1, "clip_value_min")?, call.get(2, "clip_value_max")?];
            if bounds.iter().any(|bound| bound.as_f64().is_none()) {
                return None;
            }
            let clip = Op::numpy("Clip", vec![call.operand(0, "t")?]);
            vec![clip.with("x_min", bounds[0].clone()).with("x_max", bounds[1].clone())]
        }
        "where" | "where_v2" => {
            let operands = vec![call.operand(0, "condition")?, call.operand(1, "x")?, call.operand(2, "y")?];
            vec![Op::numpy("Where", operands)]
        }
        _ => return None,
    })
}
