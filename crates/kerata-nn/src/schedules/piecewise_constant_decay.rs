//! `PiecewiseConstantDecay`: a rate for each range of steps.

use super::prelude::*;

config! {
    /// The first value up to the first boundary, and so on.
    pub struct PiecewiseConstantDecay(
        /// Last steps of the ranges but the last.
        boundaries: Vec<f64>,
        /// Rates of the ranges.
        values: Vec<f64>,
    ) {
        /// Name of the schedule.
        name: String = "PiecewiseConstant".to_owned(),
    }
}

impl Schedule for PiecewiseConstantDecay {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let mut values = self.values.iter().rev();
        let last = values.next().filter(|_| self.values.len() == self.boundaries.len() + 1);
        let last = last.ok_or_else(|| Error::corrupt("expected one value more than boundaries"))?;
        let mut rate = ops::scalar(step, *last)?;
        for (boundary, value) in self.boundaries.iter().rev().zip(values) {
            let is_inside = ops::less_equal(step, &ops::scalar(step, *boundary)?)?;
            rate = ops::select(&is_inside, &ops::scalar(step, *value)?, &rate)?;
        }
        Ok(rate)
    }
}
