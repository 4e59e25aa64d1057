//! `RandomPosterization`: leaves fewer levels of each colour, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Leaves fewer levels of each colour, in training.
    RandomPosterization {
        /// Number of bits.
        factor: Tree = Tree::from(8i64),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
