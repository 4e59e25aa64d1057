//! `TopKCategoricalAccuracy`: how often the class of one-hot labels is among the likeliest.

use super::prelude::*;

config! {
    /// Share of samples whose labelled class is among the likeliest.
    pub struct TopKCategoricalAccuracy {
        /// How many of the likeliest classes count.
        k: usize = 5,
    }
}

impl Measure for TopKCategoricalAccuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        in_top_k(&ops::argmax(y_true, Some(-1), false)?, y_pred, self.k)
    }
}
