//! `squareplus`: smooth relu without exponentials.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `(x + sqrt(x² + 4)) / 2`.
pub fn squareplus(x: &Tensor) -> Result<Tensor> {
    let root = ops::sqrt(&ops::add(&ops::square(x)?, &ops::scalar(x, 4.0)?)?)?;
    ops::multiply(&ops::add(x, &root)?, &ops::scalar(x, 0.5)?)
}
