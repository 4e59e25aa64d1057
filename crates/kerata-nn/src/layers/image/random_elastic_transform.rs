//! `RandomElasticTransform`: bends images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Bends images, in training.
    RandomElasticTransform {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// By how much.
        scale: Tree = Tree::Float(1.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
