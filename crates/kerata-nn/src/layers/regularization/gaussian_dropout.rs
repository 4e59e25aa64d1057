//! `GaussianDropout`: multiplies by normal random numbers around one, in training.

use crate::layers::prelude::*;

config! {
    /// Multiplies by normal random numbers around one, in training.
    pub struct GaussianDropout(
        /// The share that dropout of the same variance drops.
        rate: f64,
    ) {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for GaussianDropout {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        if self.rate > 0.0 { scope.seed("seed_generator", &self.seed) } else { Ok(()) }
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() || self.rate == 0.0 {
            return Ok(vec![x.clone()]);
        }
        let seed = scope.next_seed("seed_generator")?;
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        let noise = ops::random_normal(&seed, x.sizes(), 1.0, deviation, x.dtype())?;
        Ok(vec![ops::multiply(x, &noise)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
