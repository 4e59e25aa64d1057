//! `Accuracy`: how often predictions equal labels.

use super::prelude::*;

config! {
    /// Share of predictions that equal the labels.
    pub struct Accuracy {}
}

impl Measure for Accuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        ops::cast(&ops::equal(&y_true, &y_pred)?, DType::Float32)
    }
}
