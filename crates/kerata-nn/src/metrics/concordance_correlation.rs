//! `ConcordanceCorrelation`: how near predictions and labels are to one line through the origin.

use super::prelude::*;
use crate::losses::EPSILON;

config! {
    /// How near predictions and labels are to one line through the origin: 1 at best.
    pub struct ConcordanceCorrelation {
        /// The axis along which they are compared.
        axis: i64 = -1,
    }
}

impl Measure for ConcordanceCorrelation {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        let mean = |x: &Tensor| ops::mean(x, &[self.axis], true);
        let (mean_true, mean_pred) = (mean(&y_true)?, mean(&y_pred)?);
        let (off_true, off_pred) = (ops::subtract(&y_true, &mean_true)?, ops::subtract(&y_pred, &mean_pred)?);
        let covariance = mean(&ops::multiply(&off_true, &off_pred)?)?;
        let spread = ops::add(&mean(&ops::square(&off_true)?)?, &mean(&ops::square(&off_pred)?)?)?;
        let apart = ops::square(&ops::subtract(&mean_true, &mean_pred)?)?;
        let whole = ops::plus(&ops::add(&spread, &apart)?, EPSILON)?;
        ops::mean(&ops::divide(&ops::times(&covariance, 2.0)?, &whole)?, &[self.axis], false)
    }
}
