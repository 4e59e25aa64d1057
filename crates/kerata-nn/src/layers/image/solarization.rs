//! `Solarization`: negatives of bright parts of images, in training.

use super::random::random;
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
}
