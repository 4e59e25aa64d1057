//! `RandomContrast`: changes the contrast of images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Changes the contrast of images, in training.
    RandomContrast {
        /// By how much.
        factor: Tree = Tree::Float(0.2),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
