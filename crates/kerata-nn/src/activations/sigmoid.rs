//! `sigmoid`: logistic function.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `1 / (1 + exp(-x))`.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ops::sigmoid(x)
}
