//! What normalizing layers share: moments, and weights in the shape of the axes they belong to.

use crate::layers::prelude::*;

/// Mean and variance along axes, which stay with size one.
pub(super) fn moments(x: &Tensor, axes: &[i64]) -> Result<(Tensor, Tensor)> {
    let mean = ops::mean(x, axes, true)?;
    let variance = ops::mean(&ops::square(&ops::subtract(x, &mean)?)?, axes, true)?;
    Ok((mean, variance))
}

/// `(x - mean) · gamma / sqrt(variance + epsilon) + beta`, in Keras's order.
pub(super) fn normalized(
    x: &Tensor,
    (mean, variance): (&Tensor, &Tensor),
    epsilon: f64,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
) -> Result<Tensor> {
    let mut factor = ops::rsqrt(&ops::add(variance, &ops::scalar(variance, epsilon)?)?)?;
    if let Some(gamma) = gamma {
        factor = ops::multiply(&factor, gamma)?;
    }
    let mut offset = ops::negative(&ops::multiply(mean, &factor)?)?;
    if let Some(beta) = beta {
        offset = ops::add(&offset, beta)?;
    }
    ops::add(&ops::multiply(x, &factor)?, &offset)
}

/// At least float32, which half-precision floats are widened to.
pub(super) fn wide(dtype: DType) -> DType {
    if dtype == DType::Float64 { dtype } else { DType::Float32 }
}

/// A variable in a dtype, with axes of size one where the axes of `x` are not among `axes`.
pub(super) fn weight(scope: &Scope, name: &str, x: &Tensor, axes: &[usize]) -> Result<Option<Tensor>> {
    if !scope.has(name) {
        return Ok(None);
    }
    let weight = ops::cast(&scope.get_stored(name)?, x.dtype())?;
    let sizes: Vec<u64> = (0..x.rank())
        .map(|axis| match axes.contains(&axis) {
            true => x.spec().known_axis(axis as i64).map(|size| size as u64),
            false => Ok(1),
        })
        .collect::<Result<_>>()?;
    ops::reshape(&weight, sizes).map(Some)
}
