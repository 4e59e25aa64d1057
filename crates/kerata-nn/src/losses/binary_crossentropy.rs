//! `BinaryCrossentropy`: cross-entropy of yes-or-no predictions.

use super::prelude::*;

config! {
    /// Cross-entropy of labels of 0 and 1.
    pub struct BinaryCrossentropy {
        /// Whether the predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How far labels are drawn towards even odds.
        label_smoothing: f64 = 0.0,
        /// The axis that is averaged over.
        axis: i64 = -1,
    }
}

impl LossFunction for BinaryCrossentropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = smooth_binary(y_true, self.label_smoothing)?;
        ops::mean(&binary_entropy(&y_true, y_pred, self.from_logits)?, &[self.axis], false)
    }
}
