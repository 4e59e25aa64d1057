//! `RandomErasing`: fills a part of each image, in training.

use super::images::range_of;
use super::random::{beside, chosen, ends, one_each_of, seed_of, random};
use crate::layers::prelude::*;

random! {
    /// Fills a part of each image, in training.
    RandomErasing {
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// How large the part is.
        scale: Tree = Tree::from(vec![0.02, 0.33]),
        /// With what; noise when there is nothing.
        fill_value: Tree = Tree::Null,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    change erase
}

fn erase(layer: &RandomErasing, scope: &Scope, x: &Tensor) -> Result<Tensor> {
    let [low, high] = ends(&layer.scale, 0.0)?;
    let dtype = x.dtype();
    let sizes = [x.size(0), 2.into()];
    let shares = ops::sqrt(&ops::random_uniform(&seed_of(scope)?, sizes, low, high, dtype)?)?;
    let part = |axis: usize, share: i64| {
        let size = ops::cast(&super::projection::extent(x, axis)?, dtype)?;
        let length = ops::multiply(&ops::index(&shares, 1, share)?, &size)?;
        let start = one_each_of(scope, x, 0.0, 1.0, dtype)?;
        let start = ops::multiply(&start, &ops::subtract(&size, &length)?)?;
        let shape: [i64; 4] = if axis == 1 { [1, -1, 1, 1] } else { [1, 1, -1, 1] };
        let places = ops::reshape(&ops::iota(x.builder(), x.size(axis), dtype)?, shape)?;
        let end = ops::add(&start, &length)?;
        ops::logical_and(
            &ops::greater_equal(&places, &beside(&start)?)?,
            &ops::less(&places, &beside(&end)?)?,
        )
    };
    let columns = part(2, 0)?;
    let inside = ops::logical_and(&columns, &part(1, 1)?)?;
    let is_erased = chosen(scope, x, ends(&layer.factor, 0.0)?)?;
    let range = range_of(&layer.value_range)?;
    let fill = match (&layer.fill_value, layer.fill_value.as_f64()) {
        (Tree::Null, _) => {
            ops::times(&ops::random_normal(&seed_of(scope)?, x.sizes(), 0.0, 1.0, dtype)?, range[1])?
        }
        (_, Some(number)) => ops::scalar(x, number)?,
        (list, None) => {
            let values = list.as_list().unwrap_or_default().iter().map(Tree::as_f64).collect::<Option<Vec<f64>>>();
            let values = values.ok_or_else(|| Error::corrupt("`fill_value` is one or three numbers"))?;
            x.builder().constant(kerata_core::array::Array::vector(values).cast(dtype)?)
        }
    };
    let fill = ops::clip(&fill, range[0], range[1])?;
    let is_changed = ops::logical_and(&inside, &beside(&is_erased)?)?;
    ops::select(&is_changed, &fill, x)
}
