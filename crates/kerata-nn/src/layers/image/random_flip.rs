//! `RandomFlip`: mirrors images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Mirrors images, in training.
    RandomFlip {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Along which axes.
        mode: String = "horizontal_and_vertical".to_owned(),
    }
}
