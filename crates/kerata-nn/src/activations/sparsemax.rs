//! `sparsemax`: shares of a whole, many of them zero.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `relu(x - threshold)` over the last axis. The threshold is Keras's, which adds up the partial sums of the kept values:
/// with more than one kept value the results do not sum to 1.
pub fn sparsemax(x: &Tensor) -> Result<Tensor> {
    let count = x.spec().known_axis(-1)?;
    let (sorted, _) = ops::top_k(x, count)?;
    let ranks = ops::arange(x.builder(), 1, count as i64 + 1, 1, x.dtype())?;
    let one = ops::scalar(x, 1.0)?;
    let sums = ops::cumsum(&sorted, Some(-1))?;
    let kept = ops::greater(&ops::add(&ops::multiply(&sorted, &ranks)?, &one)?, &sums)?;
    let kept = ops::cast(&kept, x.dtype())?;
    let size = ops::sum(&kept, &[-1], true)?;
    let sum = ops::sum(&ops::multiply(&sums, &kept)?, &[-1], true)?;
    let threshold = ops::divide(&ops::subtract(&sum, &one)?, &size)?;
    ops::relu(&ops::subtract(x, &threshold)?)
}
