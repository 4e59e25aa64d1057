//! Elementwise ops.

use kerata_core::ops::Cast;
use kerata_core::{DType, Result};

use super::attributes::dtype;
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

macro_rules! plain {
    ($($name:literal => $op:literal;)*) => { &[$(($name, |f, w| plain(f, w, $op))),*] };
}

const PLAIN: &[(&str, Lowering)] = plain! {
    "absolute" => "Abs";
    "add" => "AddV2";
    "arccos" => "Acos";
    "arccosh" => "Acosh";
    "arcsin" => "Asin";
    "arcsinh" => "Asinh";
    "arctan" => "Atan";
    "arctan2" => "Atan2";
    "arctanh" => "Atanh";
    "bitwise_and" => "BitwiseAnd";
    "bitwise_not" => "Invert";
    "bitwise_or" => "BitwiseOr";
    "bitwise_xor" => "BitwiseXor";
    "ceil" => "Ceil";
    "cos" => "Cos";
    "cosh" => "Cosh";
    "divide" => "RealDiv";
    "erf" => "Erf";
    "erfinv" => "Erfinv";
    "exp" => "Exp";
    "expm1" => "Expm1";
    "floor" => "Floor";
    "floor_divide" => "FloorDiv";
    "greater" => "Greater";
    "greater_equal" => "GreaterEqual";
    "isfinite" => "IsFinite";
    "isinf" => "IsInf";
    "isnan" => "IsNan";
    "left_shift" => "LeftShift";
    "less" => "Less";
    "less_equal" => "LessEqual";
    "log" => "Log";
    "log1p" => "Log1p";
    "maximum" => "Maximum";
    "minimum" => "Minimum";
    "mod" => "FloorMod";
    "multiply" => "Mul";
    "negative" => "Neg";
    "power" => "Pow";
    "relu" => "Relu";
    "right_shift" => "RightShift";
    "round" => "Round";
    "rsqrt" => "Rsqrt";
    "sigmoid" => "Sigmoid";
    "sign" => "Sign";
    "sin" => "Sin";
    "sinh" => "Sinh";
    "softplus" => "Softplus";
    "sqrt" => "Sqrt";
    "square" => "Square";
    "subtract" => "Sub";
    "tan" => "Tan";
    "tanh" => "Tanh";
};

pub const OPS: &[(&str, Lowering)] = &{
    let mut ops: [(&str, Lowering); PLAIN.len() + 5] = [("cast", cast as Lowering); PLAIN.len() + 5];
    let mut at = 0;
    while at < PLAIN.len() {
        ops[at] = PLAIN[at];
        at += 1;
    }
    ops[at] = ("cast", cast);
    ops[at + 1] = ("equal", |f, w| equality(f, w, "Equal"));
    ops[at + 2] = ("not_equal", |f, w| equality(f, w, "NotEqual"));
    ops[at + 3] = ("trunc", trunc);
    ops[at + 4] = ("where", select);
    ops
};

/// An op of the same meaning whose only attribute is its element type.
fn plain(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str) -> Result<Vec<String>> {
    let inputs: Vec<String> = w.inputs.iter().map(|input| input.name.clone()).collect();
    let first = w.input(0)?.spec.dtype;
    // Truth values are compared and combined as numbers.
    if first == DType::Bool {
        return with_bools(f, w, op, &inputs);
    }
    // Where whole numbers give wider ones or floats, they are widened first.
    let to = if w.output()?.dtype == DType::Bool { first } else { w.output()?.dtype };
    let inputs = inputs.into_iter().map(|input| convert(f, input, first, to)).collect::<Result<Vec<_>>>()?;
    Ok(vec![f.node(op, &inputs, vec![("T", dtype(to)?)])])
}

fn with_bools(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str, inputs: &[String]) -> Result<Vec<String>> {
    let logical = match op {
        "Mul" | "Minimum" | "BitwiseAnd" => Some("LogicalAnd"),
        "AddV2" | "Maximum" | "BitwiseOr" => Some("LogicalOr"),
        "Invert" => Some("LogicalNot"),
        _ => None,
    };
    if let Some(logical) = logical {
        return Ok(vec![f.node(logical, inputs, vec![])]);
    }
    let numbers: Vec<String> = inputs
        .iter()
        .map(|input| convert(f, input.clone(), DType::Bool, DType::Int32))
        .collect::<Result<_>>()?;
    let made = f.node(op, &numbers, vec![("T", dtype(DType::Int32)?)]);
    let is_comparison = matches!(op, "Greater" | "GreaterEqual" | "Less" | "LessEqual");
    if is_comparison || w.output()?.dtype == DType::Int32 {
        return Ok(vec![made]);
    }
    Ok(vec![convert(f, made, DType::Int32, w.output()?.dtype)?])
}

/// Elements of another type.
pub fn convert(f: &mut FunctionWriter<'_>, name: String, from: DType, to: DType) -> Result<String> {
    if from == to {
        return Ok(name);
    }
    let attributes = vec![("SrcT", dtype(from)?), ("DstT", dtype(to)?), ("Truncate", Value::B(false))];
    Ok(f.node("Cast", &[name], attributes))
}

fn cast(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let to = w.op::<Cast>()?.dtype;
    Ok(vec![convert(f, w.name(0)?, w.input(0)?.spec.dtype, to)?])
}

fn equality(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str) -> Result<Vec<String>> {
    let attributes =
        vec![("T", dtype(w.input(0)?.spec.dtype)?), ("incompatible_shape_error", Value::B(true))];
    Ok(vec![f.node(op, &[w.name(0)?, w.name(1)?], attributes)])
}

/// Towards zero: the floor of the size, with the sign.
fn trunc(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let kind = || dtype(w.input(0)?.spec.dtype);
    let size = f.node("Abs", &[w.name(0)?], vec![("T", kind()?)]);
    let whole = f.node("Floor", &[size], vec![("T", kind()?)]);
    let sign = f.node("Sign", &[w.name(0)?], vec![("T", kind()?)]);
    Ok(vec![f.node("Mul", &[whole, sign], vec![("T", kind()?)])])
}

fn select(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let attributes = vec![("T", dtype(w.output()?.dtype)?)];
    Ok(vec![f.node("SelectV2", &[w.name(0)?, w.name(1)?, w.name(2)?], attributes)])
}
