//! `Tversky`: overlap of two sets with weights for both kinds of error.

use super::prelude::*;

config! {
    /// One minus the overlap over itself and the weighted errors.
    pub struct Tversky {
        /// Weight of labels that are not predicted.
        alpha: f64 = 0.5,
        /// Weight of predictions that are not labelled.
        beta: f64 = 0.5,
        /// Axes that are summed over; all when there are none.
        axis: Option<Axes> = None,
    }
}

impl LossFunction for Tversky {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let axes = self.axis.as_ref().map_or(&[][..], Axes::list);
        let overlap = ops::sum(&ops::multiply(y_true, y_pred)?, axes, false)?;
        let missed = ops::sum(&ops::multiply(&ops::one_minus(y_pred)?, y_true)?, axes, false)?;
        let wrong = ops::sum(&ops::multiply(y_pred, &ops::one_minus(y_true)?)?, axes, false)?;
        let errors = ops::add(&ops::times(&missed, self.alpha)?, &ops::times(&wrong, self.beta)?)?;
        let all = ops::plus(&ops::add(&overlap, &errors)?, EPSILON)?;
        ops::one_minus(&ops::divide(&overlap, &all)?)
    }
}
