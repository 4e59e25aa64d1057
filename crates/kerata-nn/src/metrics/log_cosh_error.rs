//! `LogCoshError`: mean logarithm of the hyperbolic cosine of errors.

use super::prelude::*;
use crate::losses::{LogCosh, LossFunction};

config! {
    /// Mean logarithm of the hyperbolic cosine of errors.
    pub struct LogCoshError {}
}

impl Measure for LogCoshError {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        LogCosh::new().call(&y_true, &y_pred)
    }

    fn default_name(&self) -> &'static str {
        "logcosh"
    }
}
