//! `KLDivergence`: distance of two distributions.

use super::prelude::*;

config! {
    /// `Σ y_true · log(y_true / y_pred)`.
    pub struct KLDivergence {}
}

impl LossFunction for KLDivergence {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = ops::clip(y_true, EPSILON, 1.0)?;
        let y_pred = ops::clip(y_pred, EPSILON, 1.0)?;
        let log = ops::log(&ops::divide(&y_true, &y_pred)?)?;
        ops::sum(&ops::multiply(&y_true, &log)?, &[-1], false)
    }
}
