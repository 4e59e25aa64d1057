//! `CutMix`: replaces a part of each image by one of another, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Replaces a part of each image by one of another, in training.
    CutMix {
        /// How large the parts are.
        factor: Tree = Tree::Float(1.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
