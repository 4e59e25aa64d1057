//! `hard_sigmoid`: sigmoid in three straight lines.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `relu6(x + 3) / 6`, the meaning of Keras 3.
pub fn hard_sigmoid(x: &Tensor) -> Result<Tensor> {
    let shifted = ops::add(x, &ops::scalar(x, 3.0)?)?;
    ops::divide(&super::relu6(&shifted)?, &ops::scalar(x, 6.0)?)
}
