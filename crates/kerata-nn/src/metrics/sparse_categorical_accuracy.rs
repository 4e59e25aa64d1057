//! `SparseCategoricalAccuracy`: how often the likeliest class is the labelled number.

use super::prelude::*;

config! {
    /// Share of samples whose likeliest class is the labelled number.
    pub struct SparseCategoricalAccuracy {}
}

impl Measure for SparseCategoricalAccuracy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let best = ops::argmax(y_pred, Some(-1), false)?;
        let label = ops::cast(&class_numbers(y_true, y_pred)?, best.dtype())?;
        ops::cast(&ops::equal(&label, &best)?, DType::Float32)
    }
}
