//! `hard_tanh`: tanh in three straight lines.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x` between -1 and 1.
pub fn hard_tanh(x: &Tensor) -> Result<Tensor> {
    let low = ops::maximum(x, &ops::scalar(x, -1.0)?)?;
    ops::minimum(&low, &ops::scalar(x, 1.0)?)
}
