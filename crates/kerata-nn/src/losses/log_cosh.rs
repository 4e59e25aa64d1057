//! `LogCosh`: squares near zero, absolute values beyond, smooth.

use super::prelude::*;

config! {
    /// `log(cosh(y_pred - y_true))`.
    pub struct LogCosh {}
}

impl LossFunction for LogCosh {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let error = ops::subtract(y_pred, y_true)?;
        let rest = ops::plus(&ops::softplus(&ops::times(&error, -2.0)?)?, -std::f64::consts::LN_2)?;
        ops::mean(&ops::add(&error, &rest)?, &[-1], false)
    }
}
