//! Means, variances, norms and normalizations.

use crate::Result;
use crate::graph::Tensor;
use crate::ops;

/// The mean of squared distances from the mean, over axes (none: all).
pub fn var(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let distance = ops::subtract(&x, &ops::mean(&x, axes, true)?)?;
    ops::mean(&ops::square(&distance)?, axes, keepdims)
}

/// The square root of [`var`].
pub fn std(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    ops::sqrt(&var(x, axes, keepdims)?)
}

/// Mean and variance over axes. Half types are computed in float32, as Keras does.
pub fn moments(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<(Tensor, Tensor)> {
    let is_half = matches!(x.dtype(), crate::DType::Float16 | crate::DType::Bfloat16);
    let wide = if is_half { ops::cast(x, crate::DType::Float32)? } else { ops::to_float(x)? };
    let mean = ops::mean(&wide, axes, keepdims)?;
    let variance = var(&wide, axes, keepdims)?;
    if is_half {
        return Ok((ops::cast(&mean, x.dtype())?, ops::cast(&variance, x.dtype())?));
    }
    Ok((mean, variance))
}

/// `x / max(‖x‖, epsilon)` with the Euclidean norm over axes.
pub fn l2_normalize(x: &Tensor, axes: &[i64], epsilon: f64) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let sum = ops::sum(&ops::square(&x)?, axes, true)?;
    ops::multiply(&x, &ops::rsqrt(&ops::maximum(&sum, &ops::scalar(&sum, epsilon * epsilon)?)?)?)
}

/// `(x - mean) · rsqrt(variance + epsilon) · scale + offset`, each of the parameters of the size of one axis.
pub fn batch_normalization(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    axis: i64,
    offset: Option<&Tensor>,
    scale: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    let _scope = x.builder().scope("batch_normalization");
    let axis = x.spec().axis(axis)?;
    let shaped = |parameter: &Tensor| {
        if axis + 1 == x.rank() {
            return Ok(parameter.clone());
        }
        let sizes = (0..x.rank()).map(|at| if at == axis { parameter.size(0) } else { ops::Size::Known(1) });
        ops::reshape(parameter, sizes)
    };
    let mut factor = ops::rsqrt(&ops::plus(&shaped(variance)?, epsilon)?)?;
    if let Some(scale) = scale {
        factor = ops::multiply(&factor, &shaped(scale)?)?;
    }
    let mut shift = ops::negative(&ops::multiply(&shaped(mean)?, &factor)?)?;
    if let Some(offset) = offset {
        shift = ops::add(&shift, &shaped(offset)?)?;
    }
    ops::add(&ops::multiply(x, &factor)?, &shift)
}

/// Mean and variance over axes of elements that count as much as their weights say.
pub fn weighted_moments(x: &Tensor, weights: &Tensor, axes: &[i64]) -> Result<(Tensor, Tensor)> {
    let total = ops::sum(&ops::multiply(&ops::ones_like(x)?, weights)?, axes, true)?;
    let mean = ops::divide(&ops::sum(&ops::multiply(x, weights)?, axes, true)?, &total)?;
    let distance = ops::square(&ops::subtract(x, &mean)?)?;
    let variance = ops::divide(&ops::sum(&ops::multiply(&distance, weights)?, axes, true)?, &total)?;
    Ok((ops::squeeze(&mean, axes)?, ops::squeeze(&variance, axes)?))
}
