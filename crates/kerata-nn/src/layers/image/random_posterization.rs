//! `RandomPosterization`: leaves fewer levels of each colour, in training.

use super::images::{BYTES, in_range, range_of};
use super::random::{beside, ends, seed_of, random};
use crate::layers::prelude::*;

random! {
    /// Leaves fewer levels of each colour, in training.
    RandomPosterization {
        /// Number of bits.
        factor: Tree = Tree::from(8i64),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change coarsen
}

fn coarsen(layer: &RandomPosterization, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let [low, high] = ends(&layer.factor, 1.0)?;
    let bits = if low == high {
        ops::full(x.builder(), [x.size(0)], low, DType::Float32)?
    } else {
        let drawn = ops::random_integers(&seed_of(scope)?, [x.size(0)], low as i64, high as i64, DType::Int64)?;
        ops::cast(&drawn, DType::Float32)?
    };
    let range = range_of(&layer.value_range)?;
    let bytes = ops::floor(&in_range(x, range, BYTES)?)?;
    // 2 to the number of bits that go.
    let step = ops::exp2(&ops::subtract(&ops::scalar(&bits, 8)?, &bits)?)?;
    let step = ops::cast(&beside(&step)?, x.dtype())?;
    let kept = ops::multiply(&ops::floor(&ops::divide(&bytes, &step)?)?, &step)?;
    in_range(&kept, BYTES, range)
}
