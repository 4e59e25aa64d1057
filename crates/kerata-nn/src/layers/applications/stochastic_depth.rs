//! `StochasticDepth`: drops the whole input of some samples in training, of ConvNeXt.

use crate::layers::prelude::*;

config! {
    /// Drops the whole input of some samples in training.
    pub struct StochasticDepth(
        /// The share of samples that is dropped.
        drop_path_rate: f64,
    ) {
    }
}

impl Layer for StochasticDepth {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        // Keras draws from a generator of the whole program, which no file holds; here each layer has its own.
        scope.seed("seed_generator", &Seed::none())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() {
            return Ok(vec![x.clone()]);
        }
        let keep = 1.0 - self.drop_path_rate;
        let mut sizes = vec![ops::Size::Known(1); x.rank()];
        if let Some(first) = sizes.first_mut() {
            *first = x.size(0);
        }
        let chance = ops::random_uniform(&scope.next_seed("seed_generator")?, sizes, 0.0, 1.0, DType::Float32)?;
        let kept = ops::cast(&ops::floor(&ops::plus(&chance, keep)?)?, x.dtype())?;
        Ok(vec![ops::multiply(&ops::divide(x, &ops::scalar(x, keep)?)?, &kept)?])
    }
}
