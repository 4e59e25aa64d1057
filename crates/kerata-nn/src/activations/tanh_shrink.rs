//! `tanh_shrink`: distance from tanh.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x - tanh(x)`.
pub fn tanh_shrink(x: &Tensor) -> Result<Tensor> {
    ops::subtract(x, &ops::tanh(x)?)
}
