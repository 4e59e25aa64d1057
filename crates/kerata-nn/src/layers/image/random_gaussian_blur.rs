//! `RandomGaussianBlur`: blurs images, in training.

use super::blur::blur;
use super::images::range_of;
use super::random::{beside, chosen, ends, seed_of, random};
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
    change soften
}

fn soften(layer: &RandomGaussianBlur, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let is_blurred = chosen(scope, x, ends(&layer.factor, 0.0)?)?;
    let [low, high] = ends(&layer.sigma, 0.0)?;
    let sigma = ops::plus(&ops::random_uniform(&seed_of(scope)?, [2], low, high, x.dtype())?, 1e-6)?;
    let size = |at: usize| match (layer.kernel_size.as_u64(), layer.kernel_size.as_list()) {
        (Some(size), _) => Ok(size as usize),
        (_, Some(sizes)) => sizes.get(at).and_then(Tree::as_u64).map(|size| size as usize).ok_or_else(two_sizes),
        _ => Err(two_sizes()),
    };
    // The first is across. Of two sizes that differ, Keras puts the weights in another order.
    let across = (ops::scalar(x, (size(0)? / 2) as f64)?, ops::index(&sigma, 0, 0)?);
    let down = (ops::scalar(x, (size(1)? / 2) as f64)?, ops::index(&sigma, 0, 1)?);
    let soft = blur(x, down, across, size(0)?.max(size(1)?) / 2)?;
    let range = range_of(&layer.value_range)?;
    ops::clip(&ops::select(&beside(&is_blurred)?, &soft, x)?, range[0], range[1])
}

fn two_sizes() -> Error {
    Error::corrupt("`kernel_size` is one or two odd numbers")
}
