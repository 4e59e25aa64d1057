//! `RootMeanSquaredError`: the root of the mean of squared errors.

use super::prelude::*;

config! {
    /// Root of the mean of squared errors.
    pub struct RootMeanSquaredError {}
}

impl Measure for RootMeanSquaredError {
    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let (y_true, y_pred) = same_rank(&sample.y_true, &sample.y_pred)?;
        let errors = ops::square(&ops::subtract(&y_pred, &y_true)?)?;
        // Keras does not ask for the mask here.
        add_mean(state, &errors, sample.weights.as_ref())
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        ops::sqrt(&mean(state)?)
    }
}
