//! `ReLU`: rectified linear unit with a slope below, a threshold and a largest value.

use crate::layers::prelude::*;

config! {
    /// `x` from the threshold up to the largest value, `negative_slope · (x - threshold)` below.
    pub struct ReLU {
        /// The largest value.
        max_value: Option<f64> = None,
        /// Slope below the threshold.
        negative_slope: f64 = 0.0,
        /// Where the unit starts.
        threshold: f64 = 0.0,
    }
}

impl Layer for ReLU {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![relu(inputs.only()?, self.negative_slope, self.max_value, self.threshold)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// `keras.activations.relu` with its arguments.
pub(crate) fn relu(x: &Tensor, negative_slope: f64, max_value: Option<f64>, threshold: f64) -> Result<Tensor> {
    let mut above = if threshold == 0.0 {
        ops::relu(x)?
    } else {
        ops::select(&ops::greater(x, &ops::scalar(x, threshold)?)?, x, &ops::scalar(x, 0.0)?)?
    };
    if let Some(max_value) = max_value {
        above = ops::minimum(&above, &ops::scalar(x, max_value)?)?;
    }
    if negative_slope == 0.0 {
        return Ok(above);
    }
    let below = ops::relu(&ops::subtract(&ops::scalar(x, threshold)?, x)?)?;
    ops::subtract(&above, &ops::multiply(&below, &ops::scalar(x, negative_slope)?)?)
}
