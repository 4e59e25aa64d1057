//! `RandomBrightness`: makes images brighter or darker, in training.

use super::images::range_of;
use super::random::{build_seed, ends, for_each_image, in_compute_dtype};
use crate::layers::prelude::*;

config! {
    /// Makes each image brighter or darker, in training.
    pub struct RandomBrightness(
        /// By how much of the range of values.
        factor: Tree,
    ) {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    first [data_format]
}

impl Layer for RandomBrightness {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = in_compute_dtype(scope, inputs.only()?)?;
        if !scope.training() {
            return Ok(vec![x]);
        }
        let ([low, high], range) = (ends(&self.factor, -1.0)?, range_of(&self.value_range)?);
        let change = ops::times(&for_each_image(scope, &x, low, high)?, range[1] - range[0])?;
        Ok(vec![ops::clip(&ops::add(&x, &change)?, range[0], range[1])?])
    }
}
