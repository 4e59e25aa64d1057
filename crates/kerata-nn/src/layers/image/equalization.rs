//! `Equalization`: images in which all levels are as frequent, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Makes all levels of each channel as frequent, in training.
    Equalization {
        /// Number of levels.
        bins: usize = 256,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
    }
}
