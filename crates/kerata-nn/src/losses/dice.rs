//! `Dice`: overlap of two sets.

use super::prelude::*;

config! {
    /// One minus twice the overlap over the sum of both.
    pub struct Dice {
        /// Axes that are summed over; all when there are none.
        axis: Option<Axes> = None,
    }
}

impl LossFunction for Dice {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let axes = self.axis.as_ref().map_or(&[][..], Axes::list);
        let overlap = ops::times(&ops::sum(&ops::multiply(y_true, y_pred)?, axes, false)?, 2.0)?;
        let sizes = ops::add(&ops::sum(y_true, axes, false)?, &ops::sum(y_pred, axes, false)?)?;
        ops::one_minus(&ops::divide(&overlap, &ops::plus(&sizes, EPSILON)?)?)
    }
}
