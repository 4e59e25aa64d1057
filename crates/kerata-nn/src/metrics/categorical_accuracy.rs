//! `CategoricalAccuracy`: how often the likeliest class is that of one-hot labels.

use super::prelude::*;

config! {
    /// Share of samples whose likeliest class is the labelled one.
    pub struct CategoricalAccuracy {}
}

impl Measure for CategoricalAccuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let label = ops::argmax(y_true, Some(-1), false)?;
        ops::cast(&ops::equal(&label, &ops::argmax(y_pred, Some(-1), false)?)?, DType::Float32)
    }
}
