//! `sparse_plus`: relu with a quadratic knee.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// 0 up to -1, `(x + 1)² / 4` up to 1, then `x`.
pub fn sparse_plus(x: &Tensor) -> Result<Tensor> {
    let one = ops::scalar(x, 1.0)?;
    let root = ops::add(x, &one)?;
    let knee = ops::multiply(&ops::square(&root)?, &ops::scalar(x, 0.25)?)?;
    let low = ops::less_equal(x, &ops::scalar(x, -1.0)?)?;
    let upper = ops::select(&ops::less(x, &one)?, &knee, x)?;
    ops::select(&low, &ops::scalar(x, 0.0)?, &upper)
}
