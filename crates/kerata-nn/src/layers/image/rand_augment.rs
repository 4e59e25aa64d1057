//! `RandAugment`: changes images by a random choice of changes, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Changes images by a random choice of changes, in training.
    RandAugment {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// How many changes.
        num_ops: usize = 2,
        /// How strong they are.
        factor: Tree = Tree::Float(0.5),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
