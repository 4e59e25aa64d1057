//! `take_along_axis`: for each element of `places`, the element of `x` at that place along an axis.

use super::index::places;
use crate::array::{Array, broadcast_strides, strides};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// Elements along an axis by a place for each; both inputs have the same number of axes, and the sizes of all but one
    /// are equal.
    pub struct TakeAlongAxis("take_along_axis") {
        /// Which axis.
        pub axis: usize,
    }
}

/// Elements along an axis by a place for each; other axes broadcast.
pub fn take_along_axis(x: &Tensor, places: &Tensor, axis: i64) -> Result<Tensor> {
    let axis = x.spec().axis(axis)?;
    if x.rank() != places.rank() {
        return Err(Error::mismatch(format!("{} places for {}", places.shape(), x.shape())));
    }
    let stretch = |tensor: &Tensor, other: &Tensor| {
        let sizes = (0..tensor.rank()).map(|at| {
            let is_one = tensor.spec().size(at) == Some(1);
            if at != axis && is_one { other.size(at) } else { tensor.size(at) }
        });
        ops::broadcast_to(tensor, sizes)
    };
    let inputs = [stretch(x, places)?, stretch(places, x)?];
    GraphBuilder::innermost(&inputs)?.add_one(TakeAlongAxis { axis }, &inputs)
}

/// Checks shapes that agree everywhere but along an axis.
pub(super) fn check(x: &TensorSpec, places: &TensorSpec, axis: usize) -> Result<()> {
    let pairs = x.shape.axes().iter().zip(places.shape.axes()).enumerate();
    let fits = pairs.into_iter().all(|(at, (a, b))| at == axis || a.is_none() || b.is_none() || a == b);
    if axis >= x.rank() || x.rank() != places.rank() || !places.dtype.is_integer() || !fits {
        return Err(Error::mismatch(format!("{places} as places along axis {axis} of {x}")));
    }
    Ok(())
}

/// For each place in turn, the position of its element in an array of a shape.
pub(super) fn positions(at: &Array, shape: &[usize], axis: usize) -> Result<Vec<usize>> {
    let places = places(at, shape[axis])?;
    // The array seen with one element along the axis, stretched to the shape of the places.
    let mut flat = shape.to_vec();
    flat[axis] = 1;
    let step = strides(shape)[axis];
    let mut steps = broadcast_strides(&flat, at.shape())?;
    for (step, own) in steps.iter_mut().zip(strides(shape)) {
        *step = if *step == 0 { 0 } else { own as isize };
    }
    steps[axis] = 0;
    let starts = crate::array::permutation(at.shape(), &steps, 0);
    Ok(starts.into_iter().zip(places).map(|(start, place)| start + place * step).collect())
}

impl Op for TakeAlongAxis {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places] = inputs.exactly()?;
        check(x, places, self.axis)?;
        let axes = places.shape.axes().iter().zip(x.shape.axes()).enumerate();
        let size = |(at, (own, other)): (usize, (&Option<u64>, &Option<u64>))| {
            if at == self.axis { *own } else { own.or(*other) }
        };
        Ok(vec![TensorSpec::new(x.dtype, axes.map(size).collect::<Shape>())])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, places] = inputs.exactly()?;
        self.spec(&[x.spec(), places.spec()])?;
        Ok(vec![x.take_runs(&positions(places, x.shape(), self.axis)?, 1, places.shape())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let size = g.input(0)?.size(self.axis);
        let back = ops::scatter_along_axis(&g.grad(0)?, g.input(1)?, size, self.axis as i64)?;
        Ok(vec![Some(back), None])
    }
}
