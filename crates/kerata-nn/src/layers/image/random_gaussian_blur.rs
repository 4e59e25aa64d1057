//! `RandomGaussianBlur`: blurs images, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Blurs images, in training.
    RandomGaussianBlur {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// Size of the blur.
        kernel_size: Tree = Tree::from(vec![3i64, 3]),
        /// Its width.
        sigma: Tree = Tree::Float(1.0),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
