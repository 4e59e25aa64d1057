//! `RootMeanSquaredError`: the root of the mean of squared errors.

use super::prelude::*;

config! {
    /// Root of the mean of squared errors.
    pub struct RootMeanSquaredError {}
}

impl Measure for RootMeanSquaredError {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        ops::square(&ops::subtract(&y_pred, &y_true)?)
    }

    fn is_root(&self) -> bool {
        true
    }
}
