//! `CategoricalCrossentropy`: cross-entropy of one-hot labels.

use super::prelude::*;

config! {
    /// Cross-entropy of one-hot labels.
    pub struct CategoricalCrossentropy {
        /// Whether the predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How far labels are drawn towards even odds.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl LossFunction for CategoricalCrossentropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = smooth_classes(y_true, self.label_smoothing)?;
        let log = log_probabilities(y_pred, self.from_logits, self.axis, true)?;
        ops::negative(&ops::sum(&ops::multiply(&y_true, &log)?, &[self.axis], false)?)
    }
}
