//! `softmax`: shares of a whole.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// Shares of the last axis: `exp(x) / Σexp(x)`.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    softmax_over(x, &[-1])
}

/// Shares of the whole along axes.
pub(crate) fn softmax_over(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    // Without the largest element the exponentials cannot overflow.
    let largest = ops::stop_gradient(&ops::max(&x, axes, true)?)?;
    let parts = ops::exp(&ops::subtract(&x, &largest)?)?;
    ops::divide(&parts, &ops::sum(&parts, axes, true)?)
}
