//! `exponential`: exponential function.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `exp(x)`.
pub fn exponential(x: &Tensor) -> Result<Tensor> {
    ops::exp(x)
}
