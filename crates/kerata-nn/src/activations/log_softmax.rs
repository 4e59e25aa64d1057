//! `log_softmax`: logarithm of softmax.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// Logarithms of the shares of the last axis.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let shifted = ops::subtract(&x, &ops::stop_gradient(&ops::max(&x, &[-1], true)?)?)?;
    let total = ops::log(&ops::sum(&ops::exp(&shifted)?, &[-1], true)?)?;
    ops::subtract(&shifted, &total)
}
