//! `RandomRotation`: turns images, in training.

use std::f64::consts::PI;

use super::projection::{Sampling, extent, project};
use super::random::{build_seed, ends, in_training, one_each};
use crate::layers::prelude::*;

config! {
    /// Turns images, in training.
    pub struct RandomRotation {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// By how much of a full turn.
        factor: Tree = Tree::Float(0.1),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for RandomRotation {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let Self { fill_mode, fill_value, interpolation, .. } = self;
            let [low, high] = ends(&self.factor, -1.0)?;
            let angle = one_each(scope, x, low * 360.0, high * 360.0)?;
            let angle = ops::times(&angle, PI / 180.0)?;
            let (sine, cosine) = (ops::sin(&angle)?, ops::cos(&angle)?);
            let middle = |axis| ops::times(&ops::plus(&extent(x, axis)?, -1)?, 0.5);
            let (center_x, center_y) = (middle(2)?, middle(1)?);
            let shift = |center: &Tensor, a: &Tensor, b: &Tensor| {
                let turned = ops::subtract(center, &ops::multiply(&center_x, a)?)?;
                ops::subtract(&turned, &ops::multiply(&center_y, b)?)
            };
            let against = ops::negative(&sine)?;
            let zero = ops::zeros_like(&angle)?;
            let factors = [
                cosine.clone(),
                against.clone(),
                shift(&center_x, &cosine, &against)?,
                sine.clone(),
                cosine.clone(),
                shift(&center_y, &sine, &cosine)?,
                zero.clone(),
                zero,
            ];
            project(x, &factors, &Sampling { fill_mode, fill_value, interpolation })
        })
    }
}
