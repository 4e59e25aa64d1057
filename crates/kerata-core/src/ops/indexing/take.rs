//! `take`: elements along an axis by their places.

use super::index::places;
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// Elements along an axis by places, which count from the end when negative.
    pub struct Take("take") {
        /// Which axis.
        pub axis: usize,
    }
}

/// Elements along an axis by places; no axis means of all elements.
pub fn take(x: &Tensor, places: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    let (x, axis) = match axis {
        Some(axis) => (x.clone(), x.spec().axis(axis)?),
        None => (ops::ravel(x)?, 0),
    };
    let places = if places.dtype().is_integer() { places.clone() } else { ops::cast(places, crate::DType::Int32)? };
    let inputs = [x, places];
    GraphBuilder::innermost(&inputs)?.add_one(Take { axis }, &inputs)
}

impl Op for Take {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places] = inputs.exactly()?;
        if self.axis >= x.rank() || !places.dtype.is_integer() {
            return Err(Error::mismatch(format!("{places} as places along axis {} of {x}", self.axis)));
        }
        let (before, behind) = x.shape.axes().split_at(self.axis);
        let axes = before.iter().chain(places.shape.axes()).chain(&behind[1..]).copied();
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, at] = inputs.exactly()?;
        let shape = self.spec(&[x.spec(), at.spec()])?.only()?.sizes()?;
        let size = x.shape()[self.axis];
        let outer: usize = x.shape()[..self.axis].iter().product();
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let places = places(at, size)?;
        let starts: Vec<usize> =
            (0..outer).flat_map(|block| places.iter().map(move |place| (block * size + place) * inner)).collect();
        Ok(vec![x.take_runs(if inner == 0 { &[] } else { &starts }, inner, shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let back = ops::index_add(&g.grad(0)?, g.input(1)?, g.input(0)?.size(self.axis), self.axis)?;
        Ok(vec![Some(back), None])
    }
}
