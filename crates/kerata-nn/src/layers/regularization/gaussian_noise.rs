//! `GaussianNoise`: adds normal random numbers around zero, in training.

use crate::layers::prelude::*;

config! {
    /// Adds normal random numbers around zero, in training.
    pub struct GaussianNoise(
        /// Their standard deviation.
        stddev: f64,
    ) {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for GaussianNoise {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        if self.stddev > 0.0 { scope.seed("seed_generator", &self.seed) } else { Ok(()) }
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() || self.stddev == 0.0 {
            return Ok(vec![x.clone()]);
        }
        let seed = scope.next_seed("seed_generator")?;
        let noise = ops::random_normal(&seed, x.sizes(), 0.0, self.stddev, x.dtype())?;
        Ok(vec![ops::add(x, &noise)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
