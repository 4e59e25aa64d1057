//! `CutMix`: replaces a part of each image by one of another, in training.

use super::images::images;
use super::mixed::{Data, blend, untouched};
use super::projection::extent;
use super::random::{beside, build_seed, ends, in_compute_dtype, one_each_of, random, seed_of};
use crate::layers::prelude::*;

random! {
    @config
    /// Replaces a part of each image by one of another, in training, and mixes the labels by the size of the part when it is
    /// called with an object of both.
    CutMix {
        /// How large the parts are.
        factor: Tree = Tree::Float(1.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

/// A part of an axis for each image: where it starts and where it ends, `[n]`.
struct Part {
    start: Tensor,
    end: Tensor,
}

impl Layer for CutMix {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if !scope.training() && inputs.len() > 2 {
            return Ok(inputs.to_vec());
        }
        let data = Data::read(scope, inputs)?;
        // One image has no other to be mixed with.
        if !scope.training() || data.images.rank() == 3 {
            return untouched(scope, &data);
        }
        let x = in_compute_dtype(scope, data.images)?;
        let mut drawn = None;
        let mixed = images(&x, self.data_format, |x| {
            let (columns, rows) = self.parts(scope, x)?;
            let order = ops::random_permutation(&seed_of(scope)?, x.size(0))?;
            let inside = ops::logical_and(&within(x, 1, &rows)?, &within(x, 2, &columns)?)?;
            let whole = ops::multiply(&extent(x, 2)?, &extent(x, 1)?)?;
            let size = |part: &Part| ops::subtract(&part.end, &part.start);
            let area = ops::multiply(&size(&columns)?, &size(&rows)?)?;
            let share = ops::one_minus(&ops::divide(&area, &ops::cast(&whole, x.dtype())?)?)?;
            let mixed = ops::select(&inside, &ops::take(x, &order, Some(0))?, x)?;
            drawn = Some((order, share));
            Ok(mixed)
        })?;
        data.changed(mixed, |labels| match &drawn {
            Some((order, share)) => {
                blend(&ops::reshape(share, [-1, 1])?, labels, &ops::take(labels, order, Some(0))?)
            }
            None => Ok(labels.clone()),
        })
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["data"]
    }
}

impl CutMix {
    /// Which columns and which rows of each image are replaced.
    fn parts(&self, scope: &Scope, x: &Tensor) -> Result<(Part, Part)> {
        let (dtype, [low, high]) = (x.dtype(), ends(&self.factor, 0.0)?);
        let alpha = ops::random_uniform(&seed_of(scope)?, Vec::<ops::Size>::new(), low, high, dtype)?;
        let alpha = ops::broadcast_to(&ops::plus(&alpha, 1e-6)?, [x.size(0)])?;
        let share = ops::random_beta(&seed_of(scope)?, &alpha, &alpha)?;
        let ratio = ops::sqrt(&ops::one_minus(&share)?)?;
        let part = |axis: usize| {
            let size = ops::cast(&extent(x, axis)?, dtype)?;
            let length = ops::multiply(&ratio, &size)?;
            let start = one_each_of(scope, x, 0.0, 1.0, dtype)?;
            let start = ops::multiply(&start, &ops::subtract(&size, &length)?)?;
            let end = ops::add(&start, &length)?;
            Ok::<_, Error>(Part { start, end })
        };
        let columns = part(2)?;
        Ok((columns, part(1)?))
    }
}

/// Which places of an axis are in a part, beside the images.
fn within(x: &Tensor, axis: usize, part: &Part) -> Result<Tensor> {
    let shape: [i64; 4] = if axis == 1 { [1, -1, 1, 1] } else { [1, 1, -1, 1] };
    let places = ops::reshape(&ops::iota(x.builder(), x.size(axis), x.dtype())?, shape)?;
    ops::logical_and(
        &ops::greater_equal(&places, &beside(&part.start)?)?,
        &ops::less(&places, &beside(&part.end)?)?,
    )
}
