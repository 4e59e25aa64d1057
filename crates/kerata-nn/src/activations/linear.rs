//! `linear`: the values as they are.

use kerata_core::Result;
use kerata_core::graph::Tensor;

/// `x`.
pub fn linear(x: &Tensor) -> Result<Tensor> {
    Ok(x.clone())
}
