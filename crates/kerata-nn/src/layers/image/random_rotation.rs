//! `RandomRotation`: turns images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Turns images, in training.
    RandomRotation {
        /// By how much of a full turn.
        factor: Tree = Tree::Float(0.1),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
