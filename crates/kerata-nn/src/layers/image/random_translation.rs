//! `RandomTranslation`: moves images, in training.

use super::projection::{Sampling, extent, project};
use super::random::{build_seed, ends, in_training, one_each};
use crate::layers::prelude::*;

config! {
    /// Moves images, in training.
    pub struct RandomTranslation {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// By how much of the height.
        height_factor: Tree = Tree::Float(0.1),
        /// By how much of the width.
        width_factor: Tree = Tree::Float(0.1),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
    }
}

impl Layer for RandomTranslation {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let Self { fill_mode, fill_value, interpolation, .. } = self;
            let back = |axis, factor: &Tree| {
                let [low, high] = ends(factor, f64::NEG_INFINITY)?;
                ops::negative(&ops::multiply(&one_each(scope, x, low, high)?, &extent(x, axis)?)?)
            };
            let down = back(1, &self.height_factor)?;
            let right = back(2, &self.width_factor)?;
            let (zero, one) = (ops::zeros_like(&down)?, ops::ones_like(&down)?);
            let factors = [one.clone(), zero.clone(), right, zero.clone(), one, down, zero.clone(), zero];
            project(x, &factors, &Sampling { fill_mode, fill_value, interpolation })
        })
    }
}
