//! `RandomHue`: changes the hue of images, in training.

use super::images::{in_range, range_of};
use super::random::{ends, one_each, random};
use crate::layers::prelude::*;
use crate::operations::{hsv_to_rgb, rgb_to_hsv};

random! {
    /// Changes the hue of images, in training.
    RandomHue {
        /// By how much.
        factor: Tree = Tree::Float(0.2),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change shift
}

fn shift(layer: &RandomHue, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let side = one_each(scope, x, 0.0, 1.0)?;
    let one = ops::ones_like(&side)?;
    let is_left = ops::greater(&side, &ops::scalar(&side, 0.5)?)?;
    let side = ops::select(&is_left, &ops::negative(&one)?, &one)?;
    let [low, high] = ends(&layer.factor, 0.0)?;
    let change = ops::times(&ops::multiply(&side, &one_each(scope, x, low, high)?)?, 0.5)?;
    let change = ops::cast(&ops::reshape(&change, [-1, 1, 1])?, x.dtype())?;
    let range = range_of(&layer.value_range)?;
    let hsv = rgb_to_hsv(&in_range(x, range, [0.0, 1.0])?)?;
    let hue = ops::add(&ops::index(&hsv, -1, 0)?, &change)?;
    let is_above = ops::greater(&hue, &ops::scalar(&hue, 1)?)?;
    let hue = ops::select(&is_above, &ops::plus(&hue, -1)?, &hue)?;
    let is_below = ops::less(&hue, &ops::scalar(&hue, 0)?)?;
    let hue = ops::select(&is_below, &ops::plus(&hue, 1)?, &hue)?;
    let turned = ops::stack(&[hue, ops::index(&hsv, -1, 1)?, ops::index(&hsv, -1, 2)?], -1)?;
    in_range(&ops::clip(&hsv_to_rgb(&turned)?, 0.0, 1.0)?, [0.0, 1.0], range)
}
