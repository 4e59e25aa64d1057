//! `RandomColorDegeneration`: takes some of the colour of images away, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Takes some of the colour of images away, in training.
    RandomColorDegeneration {
        /// How much.
        factor: Tree = Tree::Float(0.5),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
