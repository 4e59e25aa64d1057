//! `scatter_along_axis`: elements added up at a place for each along an axis; the way back of `take_along_axis`.

use super::add::add_at;
use super::take_along_axis::{check, positions};
use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// Zeros to which the elements of the first input are added at the places of the second, of the same shape; further
    /// inputs only lend the sizes of their axes.
    pub struct ScatterAlongAxis("scatter_along_axis") {
        /// Which axis.
        pub axis: usize,
        /// Size of the axis.
        pub size: Dim,
    }
}

/// Zeros, `size` along an axis, to which elements are added at a place for each.
pub fn scatter_along_axis(x: &Tensor, places: &Tensor, size: impl Into<Size>, axis: i64) -> Result<Tensor> {
    let axis = x.spec().axis(axis)?;
    let mut inputs = vec![x.clone(), places.clone()];
    let size = dims([size.into()], &mut inputs)[0];
    GraphBuilder::innermost(&inputs)?.add_one(ScatterAlongAxis { axis, size }, &inputs)
}

impl Op for ScatterAlongAxis {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places, ..] = inputs else { return Err(Error::mismatch("scatter_along_axis takes two inputs")) };
        check(x, places, self.axis)?;
        let size = shape_of_dims(&[self.size], inputs)?.axes()[0];
        let mut axes = x.shape.axes().to_vec();
        axes[self.axis] = size;
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let (x, places) = (&inputs[0], &inputs[1]);
        if x.shape() != places.shape() {
            return Err(Error::mismatch(format!("{:?} elements at {:?} places", x.shape(), places.shape())));
        }
        Ok(vec![add_at(x, &positions(places, &shape, self.axis)?, shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let mut grads = vec![None; g.inputs.len()];
        grads[0] = Some(ops::take_along_axis(&g.grad(0)?, g.input(1)?, self.axis as i64)?);
        Ok(grads)
    }
}
