//! `silu`: sigmoid linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x · sigmoid(x)`, also called swish.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    ops::multiply(x, &ops::sigmoid(x)?)
}
