//! `hard_silu`: silu with a hard sigmoid.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x · hard_sigmoid(x)`.
pub fn hard_silu(x: &Tensor) -> Result<Tensor> {
    ops::multiply(x, &super::hard_sigmoid(x)?)
}
