//! `soft_shrink`: towards zero by 0.5.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x` moved towards zero by 0.5.
pub fn soft_shrink(x: &Tensor) -> Result<Tensor> {
    let half = ops::scalar(x, 0.5)?;
    let above = ops::relu(&ops::subtract(x, &half)?)?;
    let below = ops::relu(&ops::negative(&ops::add(x, &half)?)?)?;
    ops::subtract(&above, &below)
}
