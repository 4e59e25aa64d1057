//! `RandomShear`: shears images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Shears images, in training.
    RandomShear {
        /// By how much along the width.
        x_factor: Tree = Tree::Float(0.0),
        /// By how much along the height.
        y_factor: Tree = Tree::Float(0.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
