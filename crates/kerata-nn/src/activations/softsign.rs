//! `softsign`: sigmoid of slow growth.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x / (|x| + 1)`.
pub fn softsign(x: &Tensor) -> Result<Tensor> {
    ops::divide(x, &ops::add(&ops::absolute(x)?, &ops::scalar(x, 1.0)?)?)
}
