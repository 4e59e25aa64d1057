//! `RandomErasing`: fills a part of each image, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Fills a part of each image, in training.
    RandomErasing {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// How large the part is.
        scale: Tree = Tree::from(vec![0.02, 0.33]),
        /// With what; noise when there is nothing.
        fill_value: Tree = Tree::Null,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
