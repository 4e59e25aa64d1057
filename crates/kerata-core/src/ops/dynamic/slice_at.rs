//! `slice_at`: a block of fixed sizes at a place that is computed in the graph.

use super::vector_length;
use crate::array::{Array, strides};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// A block of the first input that begins where the second, a vector of whole numbers, says; it must lie inside.
    pub struct SliceAt("slice_at") {
        /// Sizes of the block; none takes the axis to its end.
        pub sizes: Vec<Option<usize>>,
    }
}

/// A block at a place computed in the graph; a size of none takes the axis to its end.
pub fn slice_at(x: &Tensor, start: &Tensor, sizes: &[Option<usize>]) -> Result<Tensor> {
    let inputs = [x.clone(), start.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(SliceAt { sizes: sizes.to_vec() }, &inputs)
}

/// The starts of a block, checked to lie inside.
pub(super) fn starts(start: &Array, x: &[usize], sizes: &[usize]) -> Result<Vec<usize>> {
    let starts = start.to_i64s()?;
    let checked = starts.iter().zip(x.iter().zip(sizes)).map(|(&start, (&all, &size))| {
        usize::try_from(start)
            .ok()
            .filter(|&at| at.checked_add(size).is_some_and(|end| end <= all))
            .ok_or_else(|| Error::mismatch(format!("{size} elements from {start} of an axis of {all}")))
    });
    checked.collect()
}

impl Op for SliceAt {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, start] = inputs.exactly()?;
        let too_large = self.sizes.iter().enumerate().any(|(axis, size)| {
            size.zip(x.size(axis)).is_some_and(|(size, all)| size > all)
        });
        if self.sizes.len() != x.rank() || vector_length(start)? != x.rank() || too_large {
            return Err(Error::mismatch(format!("a block of {:?} of {x} at {start}", self.sizes)));
        }
        let sizes = self.sizes.iter().map(|size| size.map(|size| size as u64));
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(sizes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, start] = inputs.exactly()?;
        self.spec(&[x.spec(), start.spec()])?;
        let given = start.to_i64s()?;
        let sizes: Vec<usize> = (0..x.rank())
            .map(|axis| {
                let left = x.shape()[axis].saturating_sub(usize::try_from(given[axis]).unwrap_or(0));
                self.sizes[axis].unwrap_or(left)
            })
            .collect();
        let starts = starts(start, x.shape(), &sizes)?;
        let steps = strides(x.shape());
        let first: usize = starts.iter().zip(&steps).map(|(at, step)| at * step).sum();
        let steps: Vec<isize> = steps.into_iter().map(|step| step as isize).collect();
        Ok(vec![x.take_strided(sizes, &steps, first as isize)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let zeros = ops::zeros_like(g.input(0)?)?;
        Ok(vec![Some(ops::slice_update(&zeros, g.input(1)?, &g.grad(0)?)?), None])
    }
}
