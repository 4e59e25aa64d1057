//! `sparsemax`: shares of a whole, many of them zero.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `relu(x - threshold)` over the last axis. The threshold is Keras's, which adds up the partial sums of the kept values:
/// with more than one kept value the results do not sum to 1.
pub fn sparsemax(x: &Tensor) -> Result<Tensor> {
    ops::sparsemax(x, -1)
}
