//! `AlphaDropout`: dropout that keeps mean and variance, for `selu`.

use super::drop_out::{keep, noise_sizes};
use crate::layers::prelude::*;

/// The value of `selu` far below zero.
const LOWEST: f64 = -1.673_263_242_354_377_3 * 1.050_700_987_355_480_5;

config! {
    /// Sets a share of its input to the lowest value of `selu` and keeps mean and variance, in training.
    pub struct AlphaDropout(
        /// The share.
        rate: f64,
    ) {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Shape of the places that are dropped together; sizes of one drop whole axes.
        noise_shape: Option<Vec<Option<i64>>> = None,
    }
}

impl Layer for AlphaDropout {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        if self.rate > 0.0 { scope.seed("seed_generator", &self.seed) } else { Ok(()) }
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() || self.rate == 0.0 {
            return Ok(vec![x.clone()]);
        }
        let sizes = noise_sizes(x, self.noise_shape.as_deref());
        let kept = keep(self.rate, &sizes, &scope.next_seed("seed_generator")?)?;
        let mixed = ops::select(&kept, x, &ops::scalar(x, LOWEST)?)?;
        let scale = ((1.0 - self.rate) * (1.0 + self.rate * LOWEST * LOWEST)).powf(-0.5);
        let offset = -scale * LOWEST * self.rate;
        Ok(vec![ops::add(&ops::multiply(&mixed, &ops::scalar(x, scale)?)?, &ops::scalar(x, offset)?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
