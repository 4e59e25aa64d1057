//! Small functions of one line or two.

use crate::graph::Tensor;
use crate::ops;
use crate::{DType, Error, Result};

/// One over a tensor.
pub fn reciprocal(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    ops::divide(&ops::scalar(&x, 1.0)?, &x)
}

/// The logarithm to base 2.
pub fn log2(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    ops::divide(&ops::log(&x)?, &ops::scalar(&x, std::f64::consts::LN_2)?)
}

/// The logarithm to base 10.
pub fn log10(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    ops::divide(&ops::log(&x)?, &ops::scalar(&x, std::f64::consts::LN_10)?)
}

/// 2 to the power of each element.
pub fn exp2(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    ops::exp(&ops::times(&x, std::f64::consts::LN_2)?)
}

/// The quotient, zero where the divisor is zero.
pub fn divide_no_nan(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let b = ops::to_float(b)?;
    let is_zero = ops::equal(&b, &ops::scalar(&b, 0.0)?)?;
    let quotient = ops::divide(a, &ops::select(&is_zero, &ops::scalar(&b, 1.0)?, &b)?)?;
    ops::select(&is_zero, &ops::scalar(&quotient, 0.0)?, &quotient)
}

/// The logarithm of the sum of exponentials of two tensors.
pub fn logaddexp(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = (ops::to_float(a)?, ops::to_float(b)?);
    let distance = ops::absolute(&ops::subtract(&a, &b)?)?;
    ops::add(&ops::maximum(&a, &b)?, &ops::log1p(&ops::exp(&ops::negative(&distance)?)?)?)
}

/// The squared difference.
pub fn squared_difference(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::square(&ops::subtract(a, b)?)
}

/// NaN and infinities replaced by numbers; infinities by the largest numbers of the dtype when none are given.
pub fn nan_to_num(x: &Tensor, nan: f64, positive: Option<f64>, negative: Option<f64>) -> Result<Tensor> {
    if x.dtype().is_integer() || x.dtype() == DType::Bool {
        return Ok(x.clone());
    }
    let most = largest(x.dtype())?;
    let inf = |value: f64| ops::scalar(x, value);
    let y = ops::select(&ops::isnan(x)?, &inf(nan)?, x)?;
    let y = ops::select(&ops::equal(&y, &inf(f64::INFINITY)?)?, &inf(positive.unwrap_or(most))?, &y)?;
    ops::select(&ops::equal(&y, &inf(f64::NEG_INFINITY)?)?, &inf(negative.unwrap_or(-most))?, &y)
}

/// The largest finite number of a float dtype.
pub fn largest(dtype: DType) -> Result<f64> {
    match dtype {
        DType::Float16 => Ok(65_504.0),
        DType::Bfloat16 => Ok(3.389_531_389_251_535_5e38),
        DType::Float32 => Ok(f32::MAX.into()),
        DType::Float64 => Ok(f64::MAX),
        other => Err(Error::mismatch(format!("{other} is no float"))),
    }
}

/// A cast in which numbers beyond the ends of the dtype become the ends.
pub fn saturate_cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    if x.dtype() == dtype || dtype == DType::Bool {
        return ops::cast(x, dtype);
    }
    let (low, high) = ends(dtype)?;
    let (own_low, own_high) = ends(x.dtype())?;
    if own_low >= low && own_high <= high {
        return ops::cast(x, dtype);
    }
    ops::cast(&ops::clip(x, low.max(own_low), high.min(own_high))?, dtype)
}

/// The smallest and the largest number of a dtype; of 64-bit whole numbers the largest that float32 can hold too.
fn ends(dtype: DType) -> Result<(f64, f64)> {
    Ok(match dtype {
        DType::Bool => (0.0, 1.0),
        DType::Int8 => (-128.0, 127.0),
        DType::Int16 => (-32_768.0, 32_767.0),
        DType::Int32 => (-2_147_483_648.0, 2_147_483_520.0),
        DType::Int64 => (-9_223_372_036_854_775_808.0, 9_223_371_487_098_961_920.0),
        DType::Uint8 => (0.0, 255.0),
        DType::Uint16 => (0.0, 65_535.0),
        DType::Uint32 => (0.0, 4_294_967_040.0),
        DType::Uint64 => (0.0, 18_446_742_974_197_923_840.0),
        other => largest(other).map(|most| (-most, most))?,
    })
}

/// Elements moved along an axis, those that leave it come in at the other end.
pub fn roll(x: &Tensor, shift: i64, axis: i64) -> Result<Tensor> {
    let size = x.spec().known_axis(axis)? as i64;
    if size == 0 || shift.rem_euclid(size) == 0 {
        return Ok(x.clone());
    }
    let at = size - shift.rem_euclid(size);
    let tail = ops::slice_axis(x, axis, ops::Range::from(at))?;
    ops::concatenate(&[tail, ops::slice_axis(x, axis, ops::Range::to(at))?], axis)
}

/// The differences of neighbours along an axis.
pub fn diff(x: &Tensor, axis: i64) -> Result<Tensor> {
    let behind = ops::slice_axis(x, axis, ops::Range::from(1))?;
    ops::subtract(&behind, &ops::slice_axis(x, axis, ops::Range::to(-1))?)
}
