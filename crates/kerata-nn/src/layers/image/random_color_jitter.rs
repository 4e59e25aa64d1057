//! `RandomColorJitter`: changes brightness, contrast, saturation and hue, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Changes brightness, contrast, saturation and hue, in training.
    RandomColorJitter {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// By how much brightness is changed.
        brightness_factor: Tree = Tree::Null,
        /// By how much contrast is changed.
        contrast_factor: Tree = Tree::Null,
        /// By how much saturation is changed.
        saturation_factor: Tree = Tree::Null,
        /// By how much hue is changed.
        hue_factor: Tree = Tree::Null,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
