//! `RandomElasticTransform`: bends images, in training.

use super::blur::blur;
use super::images::range_of;
use super::projection::{Sampling, sample};
use super::random::{beside, chosen, ends, seed_of, random};
use crate::layers::prelude::*;

random! {
    /// Bends images, in training.
    RandomElasticTransform {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// By how much.
        scale: Tree = Tree::Float(1.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// What stands beyond the edges.
        fill_mode: String = "reflect".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change bend
}

fn bend(layer: &RandomElasticTransform, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let RandomElasticTransform { fill_mode, fill_value, interpolation, .. } = layer;
    let [low, high] = ends(&layer.scale, 0.0)?;
    let share = ends(&layer.factor, 0.0)?;
    if high == 0.0 || share[1] == 0.0 {
        return Ok(x.clone());
    }
    let is_bent = chosen(scope, x, share)?;
    let factor = ops::random_uniform(&seed_of(scope)?, Vec::<ops::Size>::new(), low, high, x.dtype())?;
    let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
    let (longer, shorter) = (height.max(width) as f64, height.min(width) as f64);
    let alpha = ops::times(&ops::times(&factor, 0.1)?, longer)?;
    let sigma = ops::times(&ops::times(&factor, 0.05)?, shorter)?;
    // Keras draws both from one seed: they are the same numbers.
    let sizes = [x.size(0), height.into(), width.into(), 1.into()];
    let noise = ops::multiply(&ops::random_normal(&seed_of(scope)?, sizes, 0.0, 1.0, x.dtype())?, &sigma)?;
    let radius = ops::times(&ops::floor(&sigma)?, 3)?;
    let farthest = 3 * (shorter * 0.05 * high) as usize;
    let soft = blur(&noise, (radius.clone(), sigma.clone()), (radius, sigma), farthest)?;
    let shift = ops::multiply(&alpha, &ops::squeeze(&soft, &[-1])?)?;
    let across = ops::reshape(&ops::iota(x.builder(), width, x.dtype())?, [1, 1, -1])?;
    let down = ops::reshape(&ops::iota(x.builder(), height, x.dtype())?, [1, -1, 1])?;
    let (y, across) = (ops::add(&down, &shift)?, ops::add(&across, &shift)?);
    let bent = sample(x, &y, &across, &Sampling { fill_mode, fill_value, interpolation })?;
    let range = range_of(&layer.value_range)?;
    ops::clip(&ops::select(&beside(&is_bent)?, &bent, x)?, range[0], range[1])
}
