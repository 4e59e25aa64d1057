//! `gather_nd`: elements or slices by places along several axes.

use super::index::checked;
use crate::array::{Array, strides};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, ScatterMode, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// For each vector along the last axis of the second input, the element or slice of the first at these places.
    pub struct GatherNd("gather_nd") {}
}

/// Elements or slices by places along the first axes: `places` is `(…, axes)`.
pub fn gather_nd(x: &Tensor, places: &Tensor) -> Result<Tensor> {
    let inputs = [x.clone(), places.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(GatherNd {}, &inputs)
}

/// The number of axes that places name.
pub(super) fn named_axes(x: &TensorSpec, places: &TensorSpec) -> Result<usize> {
    let mismatch = || Error::mismatch(format!("{places} as places in {x}"));
    if places.rank() == 0 || !places.dtype.is_integer() {
        return Err(mismatch());
    }
    let count = places.known_axis(-1)?;
    if count > x.rank() { Err(mismatch()) } else { Ok(count) }
}

/// The start of the slice for each vector of places.
pub(super) fn starts(places: &Array, shape: &[usize], count: usize) -> Result<Vec<usize>> {
    let steps = strides(shape);
    let vectors = places.shape()[..places.rank() - 1].iter().product();
    let places = places.to_i64s()?;
    (0..vectors)
        .map(|vector| {
            (0..count).try_fold(0, |start, axis| {
                Ok(start + checked(places[vector * count + axis], shape[axis])? * steps[axis])
            })
        })
        .collect()
}

impl Op for GatherNd {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places] = inputs.exactly()?;
        let count = named_axes(x, places)?;
        let lead = &places.shape.axes()[..places.rank() - 1];
        let axes = lead.iter().chain(&x.shape.axes()[count..]).copied();
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, places] = inputs.exactly()?;
        let shape = self.spec(&[x.spec(), places.spec()])?.only()?.sizes()?;
        let count = named_axes(&x.spec(), &places.spec())?;
        let width: usize = x.shape()[count..].iter().product();
        let starts = starts(places, x.shape(), count)?;
        Ok(vec![x.take_runs(if width == 0 { &[] } else { &starts }, width, shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let zeros = ops::zeros_like(g.input(0)?)?;
        Ok(vec![Some(ops::scatter_nd(&zeros, g.input(1)?, &g.grad(0)?, ScatterMode::Add)?), None])
    }
}
