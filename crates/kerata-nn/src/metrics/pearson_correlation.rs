//! `PearsonCorrelation`: how linear predictions are in labels.

use super::prelude::*;

config! {
    /// How linear predictions are in labels: 1 at best.
    pub struct PearsonCorrelation {
        /// The axis along which they are compared.
        axis: i64 = -1,
    }
}

impl Measure for PearsonCorrelation {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = same_rank(y_true, y_pred)?;
        let normal = |x: &Tensor| {
            let x = ops::subtract(x, &ops::mean(x, &[self.axis], true)?)?;
            ops::divide(&x, &ops::std(&x, &[self.axis], true)?)
        };
        ops::mean(&ops::multiply(&normal(&y_true)?, &normal(&y_pred)?)?, &[self.axis], false)
    }
}
