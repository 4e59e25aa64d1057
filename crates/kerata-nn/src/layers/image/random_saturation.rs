//! `RandomSaturation`: changes the saturation of images, in training.

use super::images::range_of;
use super::random::{ends, one_each, random};
use crate::layers::prelude::*;
use crate::operations::{hsv_to_rgb, rgb_to_hsv};

random! {
    /// Changes the saturation of images, in training.
    RandomSaturation {
        /// By how much.
        factor: Tree = Tree::Float(0.2),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change saturate
}

fn saturate(layer: &RandomSaturation, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let [low, high] = ends(&layer.factor, -1.0)?;
    let share = one_each(scope, x, low, high)?;
    let factor = ops::divide(&share, &ops::plus(&ops::one_minus(&share)?, crate::losses::EPSILON)?)?;
    let factor = ops::cast(&ops::reshape(&factor, [-1, 1, 1])?, x.dtype())?;
    let range = range_of(&layer.value_range)?;
    let hsv = rgb_to_hsv(x)?;
    let saturation = ops::clip(&ops::multiply(&ops::index(&hsv, -1, 1)?, &factor)?, range[0], range[1])?;
    hsv_to_rgb(&ops::stack(&[ops::index(&hsv, -1, 0)?, saturation, ops::index(&hsv, -1, 2)?], -1)?)
}
