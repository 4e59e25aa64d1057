//! `RandomInvert`: makes negatives of images, in training.

use super::random::random;
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
}
