//! `log_softmax`: logarithm of softmax.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// Logarithms of the shares of the last axis.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    ops::log_softmax(x, -1)
}
