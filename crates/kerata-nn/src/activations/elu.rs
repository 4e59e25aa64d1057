//! `elu`: exponential linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x` above zero, `exp(x) - 1` below.
pub fn elu(x: &Tensor) -> Result<Tensor> {
    let zero = ops::scalar(x, 0.0)?;
    let below = ops::expm1(&ops::minimum(x, &zero)?)?;
    ops::select(&ops::greater(x, &zero)?, x, &below)
}
