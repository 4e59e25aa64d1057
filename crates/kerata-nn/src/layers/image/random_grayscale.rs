//! `RandomGrayscale`: takes the colour of images away, in training.

use super::random::{beside, one_each, random};
use crate::layers::prelude::*;
use crate::operations::rgb_to_grayscale;

random! {
    /// Takes the colour of images away, in training.
    RandomGrayscale {
        /// Of how many of them.
        factor: f64 = 0.5,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change gray
}

fn gray(layer: &RandomGrayscale, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let chance = one_each(scope, x, 0.0, 1.0)?;
    let is_gray = ops::less(&chance, &ops::scalar(&chance, layer.factor)?)?;
    let gray = ops::add(&rgb_to_grayscale(x)?, &ops::zeros_like(x)?)?;
    ops::select(&beside(&is_gray)?, &gray, x)
}
