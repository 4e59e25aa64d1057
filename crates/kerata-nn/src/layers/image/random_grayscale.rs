//! `RandomGrayscale`: takes the colour of images away, in training.

use super::random::random;
use crate::layers::prelude::*;

random! {
    /// Takes the colour of images away, in training.
    RandomGrayscale {
        /// Of how many of them.
        factor: f64 = 0.5,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}
