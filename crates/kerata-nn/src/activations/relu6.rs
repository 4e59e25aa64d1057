//! `relu6`: relu up to 6.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `min(max(x, 0), 6)`.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    ops::minimum(&ops::relu(x)?, &ops::scalar(x, 6.0)?)
}
