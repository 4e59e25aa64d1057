//! `log_softmax`: logarithm of softmax.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// Logarithms of the shares of the last axis.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    log_softmax_over(x, -1)
}

/// Logarithms of the shares of an axis.
pub(crate) fn log_softmax_over(x: &Tensor, axis: i64) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let shifted = ops::subtract(&x, &ops::stop_gradient(&ops::max(&x, &[axis], true)?)?)?;
    let total = ops::log(&ops::sum(&ops::exp(&shifted)?, &[axis], true)?)?;
    ops::subtract(&shifted, &total)
}
