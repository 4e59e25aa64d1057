//! `SparseTopKCategoricalAccuracy`: how often the labelled number is among the likeliest classes.

use super::prelude::*;

config! {
    /// Share of samples whose labelled number is among the likeliest classes.
    pub struct SparseTopKCategoricalAccuracy {
        /// How many of the likeliest classes count.
        k: usize = 5,
    }
}

impl Measure for SparseTopKCategoricalAccuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        in_top_k(&class_numbers(y_true, y_pred)?, y_pred, self.k)
    }
}
