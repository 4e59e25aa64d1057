//! `RandomSharpness`: makes images sharper or softer, in training.

use super::images::range_of;
use super::random::{beside, ends, one_each, random};
use crate::layers::prelude::*;

random! {
    /// Makes images sharper or softer, in training.
    RandomSharpness {
        /// By how much.
        factor: Tree = Tree::Float(0.2),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change sharpen
}

fn sharpen(layer: &RandomSharpness, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let [low, high] = ends(&layer.factor, 0.0)?;
    let factor = ops::cast(&ops::times(&one_each(scope, x, low, high)?, 2)?, x.dtype())?;
    let channels = x.spec().known_axis(-1)?;
    let (edge, middle) = (1.0 / 13.0, 5.0 / 13.0);
    let weights = [edge, edge, edge, edge, middle, edge, edge, edge, edge];
    let weights = weights.iter().flat_map(|weight| std::iter::repeat_n(*weight, channels)).collect::<Vec<f64>>();
    let kernel = kerata_core::array::Array::from_vec([3, 3, channels, 1], weights)?.cast(x.dtype())?;
    let padding = ops::Padding::Same;
    let smooth = ops::depthwise_conv(x, &x.builder().constant(kernel), &[1, 1], padding, &[1, 1])?;
    let change = ops::multiply(&beside(&ops::one_minus(&factor)?)?, &ops::subtract(&smooth, x)?)?;
    let range = range_of(&layer.value_range)?;
    ops::clip(&ops::add(x, &change)?, range[0], range[1])
}
