//! `RandomZoom`: makes images larger or smaller, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Makes images larger or smaller, in training.
    RandomZoom {
        /// By how much of the height.
        height_factor: Tree = Tree::Float(0.1),
        /// By how much of the width; as the height when there is nothing.
        width_factor: Tree = Tree::Null,
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
    }
}
