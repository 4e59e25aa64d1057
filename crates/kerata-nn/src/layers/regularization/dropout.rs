//! `Dropout`: sets a share of its input to zero, in training.

use super::drop_out::{drop_out, noise_sizes};
use crate::layers::prelude::*;

config! {
    /// Sets a share of its input to zero and makes the rest larger by as much, in training.
    pub struct Dropout(
        /// The share.
        rate: f64,
    ) {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Shape of the places that are dropped together; sizes of one drop whole axes.
        noise_shape: Option<Vec<Option<i64>>> = None,
    }
}

impl Layer for Dropout {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        if self.rate > 0.0 { scope.seed("seed_generator", &self.seed) } else { Ok(()) }
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() || self.rate == 0.0 {
            return Ok(vec![x.clone()]);
        }
        let sizes = noise_sizes(x, self.noise_shape.as_deref());
        Ok(vec![drop_out(x, self.rate, &sizes, &scope.next_seed("seed_generator")?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
