//! `MixUp`: mixes pairs of images, in training.

use super::images::images;
use super::mixed::{Data, blend};
use super::random::{beside, build_seed, in_compute_dtype, random, seed_of};
use crate::layers::prelude::*;

random! {
    @config
    /// Mixes pairs of images, and their labels when it is called with an object of both, in training.
    MixUp {
        /// How they are mixed.
        alpha: f64 = 0.2,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for MixUp {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if !scope.training() {
            return Ok(inputs.to_vec());
        }
        let data = Data::read(scope, inputs)?;
        let x = in_compute_dtype(scope, data.images)?;
        let count = if x.rank() == 3 { ops::Size::Known(1) } else { x.size(0) };
        let order = ops::random_permutation(&seed_of(scope)?, count.clone())?;
        let alpha = ops::full(x.builder(), [count], self.alpha, DType::Float32)?;
        let share = ops::random_beta(&seed_of(scope)?, &alpha, &alpha)?;
        let mixed = images(&x, self.data_format, |x| {
            blend(&ops::cast(&beside(&share)?, x.dtype())?, x, &ops::take(x, &order, Some(0))?)
        })?;
        data.changed(mixed, |labels| {
            blend(&ops::reshape(&share, [-1, 1])?, labels, &ops::take(labels, &order, Some(0))?)
        })
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["data"]
    }
}
