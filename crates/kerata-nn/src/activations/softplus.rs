//! `softplus`: smooth relu.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `log(exp(x) + 1)`.
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    // log1p of exp(-|x|) keeps large values from overflowing.
    let tail = ops::log1p(&ops::exp(&ops::negative(&ops::absolute(x)?)?)?)?;
    ops::add(&ops::relu(x)?, &tail)
}
