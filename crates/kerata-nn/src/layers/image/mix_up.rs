//! `MixUp`: mixes pairs of images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Mixes pairs of images, in training.
    MixUp {
        /// How they are mixed.
        alpha: f64 = 0.2,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
