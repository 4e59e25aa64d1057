//! `AugMix`: mixes images with chains of random changes of them, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Mixes images with chains of random changes of them, in training.
    AugMix {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Number of chains.
        num_chains: usize = 3,
        /// Length of a chain.
        chain_depth: usize = 3,
        /// How strong the changes are.
        factor: Tree = Tree::Float(0.3),
        /// How the chains are mixed.
        alpha: f64 = 1.0,
        /// Whether all kinds of changes are taken.
        all_ops: bool = true,
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
