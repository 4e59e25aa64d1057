//! `hard_shrink`: zero near zero.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x` where it is more than 0.5 from zero.
pub fn hard_shrink(x: &Tensor) -> Result<Tensor> {
    let far = ops::greater(&ops::absolute(x)?, &ops::scalar(x, 0.5)?)?;
    ops::select(&far, x, &ops::scalar(x, 0.0)?)
}
