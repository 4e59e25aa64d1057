//! Elementwise arithmetic, comparisons, reductions, products.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, scalar};
use kerata_core::{DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::Element;

pub const OPS: &[(&str, Lowering)] = &[
    ("Abs", |c| c.unary(ops::absolute)),
    ("Acos", |c| c.unary(ops::arccos)),
    ("Acosh", |c| c.unary(ops::arccosh)),
    ("Add", |c| whole(c, ops::add, |a, b| a.plus(b))),
    ("AddN", add_n),
    ("AddV2", |c| whole(c, ops::add, |a, b| a.plus(b))),
    ("All", |c| reduce(c, ops::all)),
    ("Any", |c| reduce(c, ops::any)),
    ("ApproximateEqual", approximate_equal),
    ("ArgMax", |c| place_of(c, ops::argmax)),
    ("ArgMin", |c| place_of(c, ops::argmin)),
    ("Asin", |c| c.unary(ops::arcsin)),
    ("Asinh", |c| c.unary(ops::arcsinh)),
    ("Atan", |c| c.unary(ops::arctan)),
    ("Atan2", |c| c.binary(ops::arctan2)),
    ("Atanh", |c| c.unary(ops::arctanh)),
    ("BatchMatMul", |c| product(c, "adj_x", "adj_y")),
    ("BatchMatMulV2", |c| product(c, "adj_x", "adj_y")),
    ("BatchMatMulV3", |c| product(c, "adj_x", "adj_y")),
    ("BitwiseAnd", |c| c.binary(ops::bitwise_and)),
    ("BitwiseOr", |c| c.binary(ops::bitwise_or)),
    ("BitwiseXor", |c| c.binary(ops::bitwise_xor)),
    ("Cast", cast),
    ("Ceil", |c| c.unary(ops::ceil)),
    ("ClipByValue", |c| c.one(ops::minimum(&ops::maximum(c.tensor(0)?, c.tensor(1)?)?, c.tensor(2)?)?)),
    ("Cos", |c| c.unary(ops::cos)),
    ("Cosh", |c| c.unary(ops::cosh)),
    ("Cumprod", |c| running(c, ops::cumprod, 1)),
    ("Cumsum", |c| running(c, ops::cumsum, 0)),
    ("Div", |c| divide(c)),
    ("DivNoNan", |c| c.binary(ops::divide_no_nan)),
    ("Einsum", einsum),
    ("Equal", |c| c.binary(ops::equal)),
    ("Erf", |c| c.unary(ops::erf)),
    ("Erfc", |c| c.one(ops::one_minus(&ops::erf(c.tensor(0)?)?)?)),
    ("Erfinv", |c| c.unary(ops::erfinv)),
    ("Exp", |c| c.unary(ops::exp)),
    ("Expm1", |c| c.unary(ops::expm1)),
    ("Floor", |c| c.unary(ops::floor)),
    ("FloorDiv", |c| {
        whole(c, ops::floor_divide, |a, b| a.combine(b, |a, b| (b > 0).then(|| a.div_euclid(b))))
    }),
    ("FloorMod", |c| whole(c, ops::remainder, |a, b| a.combine(b, |a, b| (b > 0).then(|| a.rem_euclid(b))))),
    ("Greater", |c| c.binary(ops::greater)),
    ("GreaterEqual", |c| c.binary(ops::greater_equal)),
    ("Inv", |c| c.unary(ops::reciprocal)),
    ("Invert", |c| c.unary(ops::bitwise_not)),
    ("IsFinite", |c| c.unary(ops::isfinite)),
    ("IsInf", |c| c.unary(ops::isinf)),
    ("IsNan", |c| c.unary(ops::isnan)),
    ("LeftShift", |c| c.binary(ops::left_shift)),
    ("Less", |c| c.binary(ops::less)),
    ("LessEqual", |c| c.binary(ops::less_equal)),
    ("Log", |c| c.unary(ops::log)),
    ("Log1p", |c| c.unary(ops::log1p)),
    ("LogicalAnd", |c| c.binary(ops::logical_and)),
    ("LogicalNot", |c| c.unary(ops::logical_not)),
    ("LogicalOr", |c| c.binary(ops::logical_or)),
    ("MatMul", |c| product(c, "transpose_a", "transpose_b")),
    ("Max", |c| reduce(c, ops::max)),
    ("Maximum", |c| whole(c, ops::maximum, Element::larger)),
    ("Mean", |c| reduce(c, ops::mean)),
    ("Min", |c| reduce(c, ops::min)),
    ("Minimum", |c| whole(c, ops::minimum, Element::smaller)),
    ("Mod", |c| truncated_mod(c)),
    ("Mul", |c| whole(c, ops::multiply, |a, b| a.times(b))),
    ("MulNoNan", mul_no_nan),
    ("Neg", |c| c.unary(ops::negative)),
    ("NotEqual", |c| c.binary(ops::not_equal)),
    ("Pow", |c| c.binary(ops::power)),
    ("Prod", prod),
    ("RealDiv", |c| c.binary(ops::divide)),
    ("Reciprocal", |c| c.unary(ops::reciprocal)),
    ("RightShift", |c| c.binary(ops::right_shift)),
    ("Rint", |c| c.unary(ops::round)),
    ("Round", |c| c.unary(ops::round)),
    ("Rsqrt", |c| c.unary(ops::rsqrt)),
    ("SegmentSum", |c| c.one(ops::segment_sum(c.tensor(0)?, c.tensor(1)?, c.number(2)?)?)),
    ("Sigmoid", |c| c.unary(ops::sigmoid)),
    ("Sign", |c| c.unary(ops::sign)),
    ("Sin", |c| c.unary(ops::sin)),
    ("Sinh", |c| c.unary(ops::sinh)),
    ("Sqrt", |c| c.unary(ops::sqrt)),
    ("Square", |c| c.unary(ops::square)),
    ("SquaredDifference", |c| c.binary(ops::squared_difference)),
    ("Sub", |c| whole(c, ops::subtract, Element::minus)),
    ("Sum", |c| reduce(c, ops::sum)),
    ("Tan", |c| c.unary(ops::tan)),
    ("Tanh", |c| c.unary(ops::tanh)),
    ("TruncateDiv", |c| truncated_div(c)),
    ("TruncateMod", |c| truncated_mod(c)),
    ("Xdivy", |c| unless_zero(c, ops::divide)),
    ("Xlog1py", |c| unless_zero(c, |x, y| ops::multiply(x, &ops::log1p(y)?))),
    ("Xlogy", |c| unless_zero(c, |x, y| ops::multiply(x, &ops::log(y)?))),
];

/// An op of two numbers, followed element by element where they are sizes.
fn whole(
    c: &Call<'_>,
    f: fn(&Tensor, &Tensor) -> Result<Tensor>,
    element: fn(&Element, &Element) -> Element,
) -> Outputs {
    let tensor = f(c.tensor(0)?, c.tensor(1)?)?;
    // A scalar of which nothing is known may still be bounded by the other one.
    let unknown = [Element::Unknown];
    let of = |position: usize| match c.elements(position)? {
        None if c.tensor(position)?.rank() == 0 => Ok::<_, Error>(Some(&unknown[..])),
        elements => Ok(elements),
    };
    let elements = match (of(0)?, of(1)?) {
        (Some(a), Some(b)) if tensor.dtype().is_integer() && tensor.rank() <= 1 => match (a, b) {
            ([a], b) => Some(b.iter().map(|b| element(a, b)).collect()),
            (a, [b]) => Some(a.iter().map(|a| element(a, b)).collect()),
            (a, b) if a.len() == b.len() => Some(a.iter().zip(b).map(|(a, b)| element(a, b)).collect()),
            _ => None,
        },
        _ => None,
    };
    c.followed(tensor, elements)
}

fn add_n(c: &Call<'_>) -> Outputs {
    let mut sum = c.tensor(0)?.clone();
    for position in 1..c.inputs.len() {
        sum = ops::add(&sum, c.tensor(position)?)?;
    }
    c.one(sum)
}

fn approximate_equal(c: &Call<'_>) -> Outputs {
    let distance = ops::absolute(&ops::subtract(c.tensor(0)?, c.tensor(1)?)?)?;
    let tolerance = scalar(&distance, f64::from(c.float("tolerance", 1e-5)))?;
    c.one(ops::less(&distance, &tolerance)?)
}

/// A reduction whose axes are the second input.
fn reduce(c: &Call<'_>, f: fn(&Tensor, &[i64], bool) -> Result<Tensor>) -> Outputs {
    let x = c.tensor(0)?;
    let axes = c.numbers(1)?;
    // No axes mean nothing is reduced, where kerata's functions mean all.
    if axes.is_empty() && x.rank() > 0 {
        return c.one(x.clone());
    }
    let made = f(x, &axes, c.flag("keep_dims", false))?;
    // Functions of Keras widen small whole numbers, TensorFlow does not.
    c.one(if made.dtype() == x.dtype() { made } else { ops::cast(&made, x.dtype())? })
}

fn prod(c: &Call<'_>) -> Outputs {
    let product = match c.elements(0)? {
        Some(elements) if c.tensor(0)?.rank() == 1 && !c.flag("keep_dims", false) => {
            Some(vec![elements.iter().fold(Element::Known(1), |product, element| product.times(element))])
        }
        _ => None,
    };
    let made = reduce(c, ops::prod)?;
    match (product, made.first()) {
        (Some(product), Some(value)) => c.followed(value.tensor()?.clone(), Some(product)),
        _ => Ok(made),
    }
}

fn place_of(c: &Call<'_>, f: fn(&Tensor, Option<i64>, bool) -> Result<Tensor>) -> Outputs {
    let place = f(c.tensor(0)?, Some(c.number(1)?), false)?;
    c.one(ops::cast(&place, c.dtype("output_type", DType::Int64)?)?)
}

fn product(c: &Call<'_>, turn_a: &str, turn_b: &str) -> Outputs {
    let turned = |position: usize, name: &str| match c.flag(name, false) {
        true => ops::swap_last(c.tensor(position)?),
        false => Ok(c.tensor(position)?.clone()),
    };
    c.one(ops::matmul(&turned(0, turn_a)?, &turned(1, turn_b)?)?)
}

fn einsum(c: &Call<'_>) -> Outputs {
    let operands = c.tensors(0..c.inputs.len())?;
    let operands: Vec<&Tensor> = operands.iter().collect();
    c.one(ops::einsum(c.text("equation", ""), &operands)?)
}

fn cast(c: &Call<'_>) -> Outputs {
    let dtype = c.dtype("DstT", DType::Float32)?;
    let tensor = ops::cast(c.tensor(0)?, dtype)?;
    let elements = c.elements(0)?.filter(|_| dtype.is_integer()).map(<[_]>::to_vec);
    c.followed(tensor, elements)
}

/// A running sum or product, perhaps without the element itself, perhaps from the end.
fn running(c: &Call<'_>, f: fn(&Tensor, Option<i64>) -> Result<Tensor>, start: i64) -> Outputs {
    let axis = c.number(1)?;
    let reverse = c.flag("reverse", false);
    let turn = |x: &Tensor| if reverse { ops::flip(x, &[axis]) } else { Ok(x.clone()) };
    let x = turn(c.tensor(0)?)?;
    let mut made = f(&x, Some(axis))?;
    if c.flag("exclusive", false) {
        // Shifted by one: the start value, then all but the last.
        let first = ops::slice_axis(&x, axis, ops::Range::to(1))?;
        let start = ops::full_like(&first, start as f64)?;
        let rest = ops::slice_axis(&made, axis, ops::Range::to(-1))?;
        made = ops::concatenate(&[start, rest], axis)?;
    }
    let made = if made.dtype() == x.dtype() { made } else { ops::cast(&made, x.dtype())? };
    c.one(turn(&made)?)
}

fn divide(c: &Call<'_>) -> Outputs {
    if c.tensor(0)?.dtype().is_integer() { truncated_div(c) } else { c.binary(ops::divide) }
}

/// The quotient rounded towards zero.
fn truncated_div(c: &Call<'_>) -> Outputs {
    c.one(quotient(c.tensor(0)?, c.tensor(1)?)?)
}

fn quotient(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.dtype().is_integer() {
        return ops::trunc(&ops::divide(a, b)?);
    }
    let size = ops::floor_divide(&ops::absolute(a)?, &ops::absolute(b)?)?;
    ops::multiply(&size, &ops::multiply(&ops::sign(a)?, &ops::sign(b)?)?)
}

fn truncated_mod(c: &Call<'_>) -> Outputs {
    let (a, b) = (c.tensor(0)?, c.tensor(1)?);
    c.one(ops::subtract(a, &ops::multiply(&quotient(a, b)?, b)?)?)
}

/// Zero where the first input is zero, whatever the second is.
fn unless_zero(c: &Call<'_>, f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Outputs {
    let (x, y) = (c.tensor(0)?, c.tensor(1)?);
    let made = f(x, y)?;
    let zero = scalar(&made, 0.0)?;
    c.one(ops::select(&ops::equal(x, &scalar(x, 0.0)?)?, &zero, &made)?)
}

fn mul_no_nan(c: &Call<'_>) -> Outputs {
    let (x, y) = (c.tensor(0)?, c.tensor(1)?);
    let made = ops::multiply(x, y)?;
    let zero = scalar(&made, 0.0)?;
    if !made.dtype().is_float() {
        return Err(Error::unsupported("MulNoNan of whole numbers"));
    }
    c.one(ops::select(&ops::equal(y, &scalar(y, 0.0)?)?, &zero, &made)?)
}
