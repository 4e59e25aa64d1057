//! `mish`: self-regularized relu.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x · tanh(softplus(x))`.
pub fn mish(x: &Tensor) -> Result<Tensor> {
    ops::multiply(x, &ops::tanh(&super::softplus(x)?)?)
}
