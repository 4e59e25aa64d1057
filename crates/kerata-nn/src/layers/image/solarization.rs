//! `Solarization`: negatives of bright parts of images, in training.

use super::images::{BYTES, in_range, range_of};
use super::random::{beside, one_each_of, random};
use crate::layers::prelude::*;

random! {
    /// Makes negatives of the bright parts of images, in training.
    Solarization {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// What is added first.
        addition_factor: Tree = Tree::Float(0.0),
        /// What counts as bright.
        threshold_factor: Tree = Tree::Float(0.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change solarize
}

fn solarize(layer: &Solarization, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let draw = |factor: &Tree| {
        let [low, high] = span(factor)?;
        beside(&one_each_of(scope, x, low, high * 255.0, x.dtype())?)
    };
    let (addition, threshold) = (draw(&layer.addition_factor)?, draw(&layer.threshold_factor)?);
    let range = range_of(&layer.value_range)?;
    let bytes = in_range(x, range, BYTES)?;
    let brighter = ops::clip(&ops::add(&bytes, &addition)?, 0.0, 255.0)?;
    let negative = ops::subtract(&ops::scalar(&brighter, 255)?, &brighter)?;
    let changed = ops::select(&ops::less(&brighter, &threshold)?, &brighter, &negative)?;
    in_range(&changed, BYTES, range)
}

/// The ends of a factor: two numbers, or one that counts from zero.
fn span(factor: &Tree) -> Result<[f64; 2]> {
    match factor.as_f64() {
        Some(number) => Ok([0.0, number.abs()]),
        None => super::random::ends(factor, 0.0),
    }
}
