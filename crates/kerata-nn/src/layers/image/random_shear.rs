//! `RandomShear`: shears images, in training.

use super::projection::{Sampling, project};
use super::random::{build_seed, ends, in_training, one_each_of};
use crate::layers::prelude::*;

config! {
    /// Shears images, in training.
    pub struct RandomShear {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// By how much along the width.
        x_factor: Tree = Tree::Float(0.0),
        /// By how much along the height.
        y_factor: Tree = Tree::Float(0.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for RandomShear {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let Self { fill_mode, fill_value, interpolation, .. } = self;
            let draw = |low, high| one_each_of(scope, x, low, high, x.dtype());
            let side = draw(0.0, 1.0)?;
            let one = ops::ones_like(&side)?;
            let is_left = ops::greater(&side, &ops::scalar(&side, 0.5)?)?;
            let side = ops::select(&is_left, &ops::negative(&one)?, &one)?;
            let [low, high] = ends(&self.y_factor, f64::NEG_INFINITY)?;
            let along_y = ops::multiply(&draw(low, high)?, &side)?;
            let [low, high] = ends(&self.x_factor, f64::NEG_INFINITY)?;
            let along_x = ops::multiply(&draw(low, high)?, &side)?;
            let zero = ops::zeros_like(&one)?;
            let factors =
                [one.clone(), along_x, zero.clone(), along_y, one, zero.clone(), zero.clone(), zero];
            project(x, &factors, &Sampling { fill_mode, fill_value, interpolation })
        })
    }
}
