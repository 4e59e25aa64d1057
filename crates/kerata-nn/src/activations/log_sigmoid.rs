//! `log_sigmoid`: logarithm of sigmoid.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `-softplus(-x)`.
pub fn log_sigmoid(x: &Tensor) -> Result<Tensor> {
    ops::negative(&super::softplus(&ops::negative(x)?)?)
}
