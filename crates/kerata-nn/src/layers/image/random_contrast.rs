//! `RandomContrast`: changes the contrast of images, in training.

use super::images::range_of;
use super::random::{build_seed, ends, for_each_image, in_training};
use crate::layers::prelude::*;

config! {
    /// Changes the contrast of each image, in training.
    pub struct RandomContrast(
        /// By how much.
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

impl Layer for RandomContrast {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            // Keras takes the lower end away from one and adds the upper end to it.
            let ([low, high], range) = (ends(&self.factor, 0.0)?, range_of(&self.value_range)?);
            let factor = for_each_image(scope, x, 1.0 - low, 1.0 + high)?;
            let mean = ops::mean(x, &[1, 2], true)?;
            let changed = ops::add(&ops::multiply(&ops::subtract(x, &mean)?, &factor)?, &mean)?;
            ops::clip(&changed, range[0], range[1])
        })
    }
}
