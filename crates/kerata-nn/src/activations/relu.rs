//! `relu`: rectified linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `max(x, 0)`.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    ops::relu(x)
}
