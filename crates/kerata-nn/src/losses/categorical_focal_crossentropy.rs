//! `CategoricalFocalCrossentropy`: cross-entropy of one-hot labels that counts easy samples less.

use super::prelude::*;

config! {
    /// Cross-entropy of one-hot labels, weighted by how wrong the prediction is.
    pub struct CategoricalFocalCrossentropy {
        /// Whether the predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How far labels are drawn towards even odds.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: i64 = -1,
        /// Factor of all weights.
        alpha: f64 = 0.25,
        /// How fast easy samples lose weight.
        gamma: f64 = 2.0,
    }
}

impl LossFunction for CategoricalFocalCrossentropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = smooth_classes(y_true, self.label_smoothing)?;
        let y_pred = if self.from_logits { ops::softmax(y_pred, &[self.axis])? } else { y_pred.clone() };
        let share = ops::divide(&y_pred, &ops::sum(&y_pred, &[self.axis], true)?)?;
        let share = ops::clip(&share, EPSILON, 1.0 - EPSILON)?;
        let entropy = ops::negative(&ops::multiply(&y_true, &ops::log(&share)?)?)?;
        let wrong = ops::one_minus(&share)?;
        let weights = ops::times(&ops::power(&wrong, &ops::scalar(&wrong, self.gamma)?)?, self.alpha)?;
        ops::sum(&ops::multiply(&weights, &entropy)?, &[self.axis], false)
    }
}
