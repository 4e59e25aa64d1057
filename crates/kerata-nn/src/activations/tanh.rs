//! `tanh`: hyperbolic tangent.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `tanh(x)`.
pub fn tanh(x: &Tensor) -> Result<Tensor> {
    ops::tanh(x)
}
