//! `LeakyReLU`: relu that leaks below zero.

use crate::layers::prelude::*;

config! {
    /// `x` above zero, `negative_slope · x` below.
    pub struct LeakyReLU {
        /// Slope below zero.
        negative_slope: f64 = 0.3,
    }
}

impl Layer for LeakyReLU {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let below = ops::multiply(x, &ops::scalar(x, self.negative_slope)?)?;
        Ok(vec![ops::select(&ops::greater(x, &ops::scalar(x, 0.0)?)?, x, &below)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
