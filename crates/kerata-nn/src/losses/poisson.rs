//! `Poisson`: likelihood of counts.

use super::prelude::*;

config! {
    /// `y_pred - y_true · log(y_pred)`.
    pub struct Poisson {}
}

impl LossFunction for Poisson {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let log = ops::log(&ops::plus(y_pred, EPSILON)?)?;
        ops::mean(&ops::subtract(y_pred, &ops::multiply(y_true, &log)?)?, &[-1], false)
    }
}
