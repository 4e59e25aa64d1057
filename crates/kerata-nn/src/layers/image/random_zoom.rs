//! `RandomZoom`: makes images larger or smaller, in training.

use super::projection::{Sampling, extent, project};
use super::random::{build_seed, ends, in_training, one_each};
use crate::layers::prelude::*;

config! {
    /// Makes images larger or smaller, in training.
    pub struct RandomZoom {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// By how much of the height.
        height_factor: Tree = Tree::Float(0.1),
        /// By how much of the width; as the height when there is nothing.
        width_factor: Tree = Tree::Null,
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

impl Layer for RandomZoom {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let Self { fill_mode, fill_value, interpolation, .. } = self;
            let zoom = |x: &Tensor, factor: &Tree| {
                let [low, high] = ends(factor, f64::NEG_INFINITY)?;
                one_each(scope, x, 1.0 + low, 1.0 + high)
            };
            let height = zoom(x, &self.height_factor)?;
            let width = if self.width_factor.is_null() { height.clone() } else { zoom(x, &self.width_factor)? };
            let shift = |axis, zoom: &Tensor| {
                let middle = ops::times(&ops::plus(&extent(x, axis)?, -1)?, 0.5)?;
                ops::multiply(&middle, &ops::one_minus(zoom)?)
            };
            let zero = ops::zeros_like(&height)?;
            let (right, down) = (shift(2, &width)?, shift(1, &height)?);
            let factors = [width, zero.clone(), right, zero.clone(), height, down, zero.clone(), zero];
            project(x, &factors, &Sampling { fill_mode, fill_value, interpolation })
        })
    }
}
