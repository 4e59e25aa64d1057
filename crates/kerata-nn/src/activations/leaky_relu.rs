//! `leaky_relu`: relu that leaks below zero.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x` above zero, `0.2 x` below.
pub fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    ops::maximum(x, &ops::multiply(x, &ops::scalar(x, 0.2)?)?)
}
