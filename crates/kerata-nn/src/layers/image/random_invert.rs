//! `RandomInvert`: makes negatives of images, in training.

use super::images::range_of;
use super::random::{beside, chosen, ends, random};
use crate::layers::prelude::*;

random! {
    /// Makes negatives of images, in training.
    RandomInvert {
        /// Of how many of them.
        factor: Tree = Tree::Float(1.0),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change invert
}

fn invert(layer: &RandomInvert, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let is_inverted = chosen(scope, x, ends(&layer.factor, 0.0)?)?;
    let [_, high] = range_of(&layer.value_range)?;
    ops::select(&beside(&is_inverted)?, &ops::subtract(&ops::scalar(x, high)?, x)?, x)
}
