//! `Huber`: squares near zero, absolute values beyond.

use super::prelude::*;

config! {
    /// Squared for small errors, linear for large ones.
    pub struct Huber {
        /// Where the squares end.
        delta: f64 = 1.0,
    }
}

impl LossFunction for Huber {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let distance = ops::absolute(&ops::subtract(y_pred, y_true)?)?;
        let square = ops::times(&ops::square(&distance)?, 0.5)?;
        let linear = ops::plus(&ops::times(&distance, self.delta)?, -0.5 * self.delta * self.delta)?;
        let is_near = ops::less_equal(&distance, &ops::scalar(&distance, self.delta)?)?;
        ops::mean(&ops::select(&is_near, &square, &linear)?, &[-1], false)
    }
}
