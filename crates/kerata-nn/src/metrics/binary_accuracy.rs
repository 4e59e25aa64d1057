//! `BinaryAccuracy`: how often yes-or-no predictions are right.

use super::prelude::*;

config! {
    /// Share of right predictions of labels of 0 and 1.
    pub struct BinaryAccuracy {
        /// Above it a prediction is a yes.
        threshold: f64 = 0.5,
    }
}

impl Measure for BinaryAccuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        let is_yes = ops::greater(&y_pred, &ops::scalar(&y_pred, self.threshold)?)?;
        ops::cast(&ops::equal(&y_true, &ops::cast(&is_yes, y_true.dtype())?)?, DType::Float32)
    }
}
