//! `SquaredHinge`: squared distance from being right by a margin.

use super::prelude::*;

config! {
    /// `max(1 - y_true · y_pred, 0)²`.
    pub struct SquaredHinge {}
}

impl LossFunction for SquaredHinge {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let hinge = ops::relu(&ops::one_minus(&ops::multiply(&signs(y_true)?, y_pred)?)?)?;
        ops::mean(&ops::square(&hinge)?, &[-1], false)
    }
}
