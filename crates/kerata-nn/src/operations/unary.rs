//! Functions of one tensor, element by element.

use std::f64::consts::PI;

use kerata_core::graph::Tensor;
use kerata_core::{DType, Result, ops};

use super::Table;

pub(super) const TABLE: Table = &[
    ("Abs", |call| call.unary(ops::absolute)),
    ("Absolute", |call| call.unary(ops::absolute)),
    ("Arccos", |call| call.unary(ops::arccos)),
    ("Arccosh", |call| call.unary(ops::arccosh)),
    ("Arcsin", |call| call.unary(ops::arcsin)),
    ("Arcsinh", |call| call.unary(ops::arcsinh)),
    ("Arctan", |call| call.unary(ops::arctan)),
    ("Arctanh", |call| call.unary(ops::arctanh)),
    ("BitwiseInvert", |call| call.unary(ops::bitwise_not)),
    ("BitwiseNot", |call| call.unary(ops::bitwise_not)),
    ("Cast", |call| {
        let dtype = call.require("dtype")?;
        call.unary(|x| ops::cast(x, dtype))
    }),
    ("Cbrt", |call| call.unary(cbrt)),
    ("Ceil", |call| call.unary(|x| ops::ceil(&to_float_like_floor(x)?))),
    ("Clip", |call| {
        let (low, high) = (call.require("x_min")?, call.require("x_max")?);
        call.unary(|x| ops::clip(&bool_to_int(x)?, low, high))
    }),
    ("Conj", |call| call.unary(conjugate)),
    ("Conjugate", |call| call.unary(conjugate)),
    ("ConvertToTensor", |call| {
        let dtype = call.get("dtype")?;
        call.unary(|x| dtype.map_or_else(|| Ok(x.clone()), |dtype| ops::cast(x, dtype)))
    }),
    ("Copy", |call| call.unary(|x| Ok(x.clone()))),
    ("Cos", |call| call.unary(ops::cos)),
    ("Cosh", |call| call.unary(ops::cosh)),
    ("Deg2rad", |call| call.unary(|x| ops::times(&ops::to_float(x)?, PI / 180.0))),
    ("Erf", |call| call.unary(ops::erf)),
    ("Erfc", |call| call.unary(|x| ops::one_minus(&ops::erf(x)?))),
    ("Erfinv", |call| call.unary(ops::erfinv)),
    ("Exp", |call| call.unary(ops::exp)),
    ("Exp2", |call| call.unary(ops::exp2)),
    ("Expm1", |call| call.unary(ops::expm1)),
    ("Fabs", |call| call.unary(|x| ops::absolute(&ops::to_float(x)?))),
    ("Floor", |call| call.unary(|x| ops::floor(&to_float_like_floor(x)?))),
    ("Heaviside", |call| call.binary(heaviside)),
    ("Imag", |call| call.unary(|x| if is_complex(x) { ops::imag(x) } else { ops::zeros_like(x) })),
    ("Isfinite", |call| call.unary(ops::isfinite)),
    ("Isinf", |call| call.unary(ops::isinf)),
    ("Isnan", |call| call.unary(ops::isnan)),
    ("Isneginf", |call| call.unary(|x| ops::equal(x, &ops::scalar(x, f64::NEG_INFINITY)?))),
    ("Isposinf", |call| call.unary(|x| ops::equal(x, &ops::scalar(x, f64::INFINITY)?))),
    ("Isreal", |call| call.unary(|x| ops::cast(&ops::ones_like(x)?, DType::Bool))),
    ("Log", |call| call.unary(ops::log)),
    ("Log10", |call| call.unary(ops::log10)),
    ("Log1p", |call| call.unary(ops::log1p)),
    ("Log2", |call| call.unary(ops::log2)),
    ("LogicalNot", |call| call.unary(ops::logical_not)),
    ("NanToNum", |call| {
        let (nan, high, low) = (call.or("nan", 0.0)?, call.get("posinf")?, call.get("neginf")?);
        call.unary(|x| ops::nan_to_num(x, nan, high, low))
    }),
    ("Negative", |call| call.unary(ops::negative)),
    ("Rad2deg", |call| call.unary(|x| ops::times(&ops::to_float(x)?, 180.0 / PI))),
    ("Real", |call| call.unary(|x| if is_complex(x) { ops::real(x) } else { Ok(x.clone()) })),
    ("Reciprocal", |call| call.unary(ops::reciprocal)),
    ("Round", |call| {
        let decimals: i64 = call.or("decimals", 0)?;
        call.unary(|x| round(x, decimals))
    }),
    ("Rsqrt", |call| call.unary(ops::rsqrt)),
    ("SaturateCast", |call| {
        let dtype = call.require("dtype")?;
        call.unary(|x| ops::saturate_cast(x, dtype))
    }),
    ("Sign", |call| call.unary(ops::sign)),
    ("Signbit", |call| call.unary(|x| ops::less(x, &ops::zeros_like(x)?))),
    ("Sin", |call| call.unary(ops::sin)),
    ("Sinc", |call| call.unary(sinc)),
    ("Sinh", |call| call.unary(ops::sinh)),
    ("Sqrt", |call| call.unary(ops::sqrt)),
    ("Square", |call| call.unary(|x| ops::square(&bool_to_int(x)?))),
    ("StopGradient", |call| call.unary(ops::stop_gradient)),
    ("Tan", |call| call.unary(ops::tan)),
    ("Tanh", |call| call.unary(ops::tanh)),
    ("Trunc", |call| call.unary(ops::trunc)),
];

/// Bools as int32; others stay.
pub(super) fn bool_to_int(x: &Tensor) -> Result<Tensor> {
    if x.dtype() == DType::Bool { ops::cast(x, DType::Int32) } else { Ok(x.clone()) }
}

/// `floor` and `ceil` give floats.
fn to_float_like_floor(x: &Tensor) -> Result<Tensor> {
    ops::to_float(x)
}

fn is_complex(x: &Tensor) -> bool {
    matches!(x.dtype(), DType::Complex64 | DType::Complex128)
}

fn conjugate(x: &Tensor) -> Result<Tensor> {
    if is_complex(x) { ops::conj(x) } else { Ok(x.clone()) }
}

/// The third root, with the sign of the number.
fn cbrt(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let size = ops::absolute(&x)?;
    ops::multiply(&ops::sign(&x)?, &ops::power(&size, &ops::scalar(&size, 1.0 / 3.0)?)?)
}

/// 0 below zero, 1 above, the second tensor at zero.
fn heaviside(x: &Tensor, at_zero: &Tensor) -> Result<Tensor> {
    let zero = ops::scalar(x, 0)?;
    let step = ops::cast(&ops::greater(x, &zero)?, x.dtype())?;
    ops::select(&ops::equal(x, &zero)?, at_zero, &step)
}

/// `sin(πx) / πx`, 1 at zero.
fn sinc(x: &Tensor) -> Result<Tensor> {
    let scaled = ops::times(&ops::to_float(x)?, PI)?;
    let is_zero = ops::equal(&scaled, &ops::scalar(&scaled, 0.0)?)?;
    let one = ops::scalar(&scaled, 1.0)?;
    let safe = ops::select(&is_zero, &one, &scaled)?;
    ops::select(&is_zero, &one, &ops::divide(&ops::sin(&safe)?, &safe)?)
}

/// Rounded to so many decimals, ties to even.
fn round(x: &Tensor, decimals: i64) -> Result<Tensor> {
    if decimals == 0 {
        return if x.dtype().is_float() { ops::round(x) } else { Ok(x.clone()) };
    }
    let factor = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
    let scaled = ops::times(&ops::to_float(x)?, factor)?;
    ops::cast(&ops::divide(&ops::round(&scaled)?, &ops::scalar(&scaled, factor)?)?, x.dtype())
}
