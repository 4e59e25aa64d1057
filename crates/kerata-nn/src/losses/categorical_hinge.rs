//! `CategoricalHinge`: hinge of one-hot labels.

use super::prelude::*;

config! {
    /// How far the labelled class is from winning by one.
    pub struct CategoricalHinge {}
}

impl LossFunction for CategoricalHinge {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let won = ops::sum(&ops::multiply(y_true, y_pred)?, &[-1], false)?;
        let others = ops::max(&ops::multiply(&ops::one_minus(y_true)?, y_pred)?, &[-1], false)?;
        ops::relu(&ops::plus(&ops::subtract(&others, &won)?, 1.0)?)
    }
}
