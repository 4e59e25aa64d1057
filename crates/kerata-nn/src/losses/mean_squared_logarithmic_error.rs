//! `MeanSquaredLogarithmicError`: mean of squared errors of logarithms.

use super::prelude::*;

config! {
    /// Mean of squared errors of `log(1 + y)`.
    pub struct MeanSquaredLogarithmicError {}
}

impl LossFunction for MeanSquaredLogarithmicError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let log = |y: &Tensor| {
            let y = ops::maximum(y, &ops::scalar(y, EPSILON)?)?;
            ops::log(&ops::plus(&y, 1.0)?)
        };
        ops::mean(&ops::square(&ops::subtract(&log(y_pred)?, &log(y_true)?)?)?, &[-1], false)
    }
}
