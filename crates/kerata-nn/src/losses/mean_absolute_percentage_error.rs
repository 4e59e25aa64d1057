//! `MeanAbsolutePercentageError`: mean of errors in per cent.

use super::prelude::*;

config! {
    /// Mean of absolute errors in per cent of the labels.
    pub struct MeanAbsolutePercentageError {}
}

impl LossFunction for MeanAbsolutePercentageError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let size = ops::absolute(y_true)?;
        let size = ops::maximum(&size, &ops::scalar(&size, EPSILON)?)?;
        let share = ops::absolute(&ops::divide(&ops::subtract(y_true, y_pred)?, &size)?)?;
        ops::times(&ops::mean(&share, &[-1], false)?, 100.0)
    }
}
