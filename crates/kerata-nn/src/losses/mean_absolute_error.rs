//! `MeanAbsoluteError`: mean of absolute errors.

use super::prelude::*;

config! {
    /// Mean of absolute errors.
    pub struct MeanAbsoluteError {}
}

impl LossFunction for MeanAbsoluteError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        ops::mean(&ops::absolute(&ops::subtract(y_true, y_pred)?)?, &[-1], false)
    }
}
