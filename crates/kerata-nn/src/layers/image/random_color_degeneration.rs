//! `RandomColorDegeneration`: takes some of the colour of images away, in training.

use super::images::range_of;
use super::random::{beside, ends, one_each, random};
use crate::layers::prelude::*;
use crate::operations::rgb_to_grayscale;

random! {
    /// Takes some of the colour of images away, in training.
    RandomColorDegeneration {
        /// How much.
        factor: Tree = Tree::Float(0.5),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change fade
}

fn fade(layer: &RandomColorDegeneration, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let [low, high] = ends(&layer.factor, -1.0)?;
    let factor = ops::cast(&beside(&one_each(scope, x, low, high)?)?, x.dtype())?;
    let change = ops::multiply(&factor, &ops::subtract(&rgb_to_grayscale(x)?, x)?)?;
    let range = range_of(&layer.value_range)?;
    ops::clip(&ops::add(x, &change)?, range[0], range[1])
}
