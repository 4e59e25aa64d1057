//! `RandomColorJitter`: changes brightness, contrast, saturation and hue, in training.

use super::random::random;
use super::{RandomBrightness, RandomContrast, RandomHue, RandomSaturation};
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
    change jitter
}

fn jitter(layer: &RandomColorJitter, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let range = &layer.value_range;
    let mut x = x.clone();
    // Each takes the next seeds of this layer.
    let mut take = |change: &dyn Layer| {
        x = change.call(scope, std::slice::from_ref(&x))?.only()?.clone();
        Ok::<_, Error>(())
    };
    if !layer.brightness_factor.is_null() {
        take(&RandomBrightness::new(layer.brightness_factor.clone()).value_range(range.clone()))?;
    }
    if !layer.contrast_factor.is_null() {
        take(&RandomContrast::new(layer.contrast_factor.clone()).value_range(range.clone()))?;
    }
    if !layer.saturation_factor.is_null() {
        take(&RandomSaturation::new().factor(layer.saturation_factor.clone()).value_range(range.clone()))?;
    }
    if !layer.hue_factor.is_null() {
        take(&RandomHue::new().factor(layer.hue_factor.clone()).value_range(range.clone()))?;
    }
    Ok(x)
}
