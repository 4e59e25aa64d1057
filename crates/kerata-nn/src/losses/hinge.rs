//! `Hinge`: distance from being right by a margin.

use super::prelude::*;

config! {
    /// `max(1 - y_true · y_pred, 0)`.
    pub struct Hinge {}
}

impl LossFunction for Hinge {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        ops::mean(&ops::relu(&ops::one_minus(&ops::multiply(&signs(y_true)?, y_pred)?)?)?, &[-1], false)
    }
}
