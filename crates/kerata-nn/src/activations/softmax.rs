//! `softmax`: shares of a whole.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// Shares of the last axis: `exp(x) / Σexp(x)`.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    ops::softmax(x, -1)
}
