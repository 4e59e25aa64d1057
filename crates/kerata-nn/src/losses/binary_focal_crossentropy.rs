//! `BinaryFocalCrossentropy`: cross-entropy that counts easy samples less.

use super::prelude::*;

config! {
    /// Cross-entropy of labels of 0 and 1, weighted by how wrong the prediction is.
    pub struct BinaryFocalCrossentropy {
        /// Whether the predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How far labels are drawn towards even odds.
        label_smoothing: f64 = 0.0,
        /// The axis that is averaged over.
        axis: i64 = -1,
        /// Whether the classes are weighted by `alpha`.
        apply_class_balancing: bool = false,
        /// Weight of the class 1.
        alpha: f64 = 0.25,
        /// How fast easy samples lose weight.
        gamma: f64 = 2.0,
    }
}

impl LossFunction for BinaryFocalCrossentropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = smooth_binary(y_true, self.label_smoothing)?;
        let y_pred = if self.from_logits { ops::sigmoid(y_pred)? } else { y_pred.clone() };
        let entropy = binary_entropy(&y_true, &y_pred, false)?;
        let chance = ops::add(
            &ops::multiply(&y_true, &y_pred)?,
            &ops::multiply(&ops::one_minus(&y_true)?, &ops::one_minus(&y_pred)?)?,
        )?;
        let wrong = ops::one_minus(&chance)?;
        let focus = ops::power(&wrong, &ops::scalar(&wrong, self.gamma)?)?;
        let mut values = ops::multiply(&focus, &entropy)?;
        if self.apply_class_balancing {
            let others = ops::times(&ops::one_minus(&y_true)?, 1.0 - self.alpha)?;
            let weights = ops::add(&ops::times(&y_true, self.alpha)?, &others)?;
            values = ops::multiply(&weights, &values)?;
        }
        ops::mean(&values, &[self.axis], false)
    }
}
