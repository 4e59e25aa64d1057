//! `celu`: continuously differentiable exponential linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `max(x, 0) + min(exp(x) - 1, 0)`.
pub fn celu(x: &Tensor) -> Result<Tensor> {
    let zero = ops::scalar(x, 0.0)?;
    let below = ops::expm1(&ops::minimum(x, &zero)?)?;
    ops::add(&ops::maximum(x, &zero)?, &below)
}
