//! `sparse_sigmoid`: sigmoid in three straight lines.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// 0 up to -1, `(x + 1) / 2` up to 1, then 1.
pub fn sparse_sigmoid(x: &Tensor) -> Result<Tensor> {
    let line = ops::multiply(&ops::add(x, &ops::scalar(x, 1.0)?)?, &ops::scalar(x, 0.5)?)?;
    let low = ops::maximum(&line, &ops::scalar(x, 0.0)?)?;
    ops::minimum(&low, &ops::scalar(x, 1.0)?)
}
