//! `RandomPerspective`: shows images from another side, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Shows images from another side, in training.
    RandomPerspective {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// By how much.
        scale: Tree = Tree::Float(1.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
