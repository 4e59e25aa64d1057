//! `MeanSquaredError`: mean of squared errors.

use super::prelude::*;

config! {
    /// Mean of squared errors.
    pub struct MeanSquaredError {}
}

impl LossFunction for MeanSquaredError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        ops::mean(&ops::square(&ops::subtract(y_true, y_pred)?)?, &[-1], false)
    }
}
