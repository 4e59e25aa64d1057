//! `glu`: gated linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// The first half of the last axis times the sigmoid of the second.
pub fn glu(x: &Tensor) -> Result<Tensor> {
    let mut halves = ops::split(x, 2, -1)?;
    let gate = halves.pop().ok_or_else(|| kerata_core::Error::internal("no second half"))?;
    let value = halves.pop().ok_or_else(|| kerata_core::Error::internal("no first half"))?;
    ops::multiply(&value, &ops::sigmoid(&gate)?)
}
