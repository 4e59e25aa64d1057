//! `slice_update`: a tensor with a block replaced at a place that is computed in the graph.

use super::slice_at::starts;
use super::vector_length;
use crate::array::{Array, permutation, strides};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// The first input with the third in the place that begins where the second, a vector of whole numbers, says.
    pub struct SliceUpdate("slice_update") {}
}

/// A tensor with a block replaced.
pub fn slice_update(x: &Tensor, start: &Tensor, block: &Tensor) -> Result<Tensor> {
    let inputs = [x.clone(), start.clone(), ops::cast(block, x.dtype())?];
    GraphBuilder::innermost(&inputs)?.add_one(SliceUpdate {}, &inputs)
}

impl Op for SliceUpdate {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, start, block] = inputs.exactly()?;
        let too_large =
            (0..block.rank()).any(|axis| block.size(axis).zip(x.size(axis)).is_some_and(|(size, all)| size > all));
        if x.dtype != block.dtype || x.rank() != block.rank() || vector_length(start)? != x.rank() || too_large {
            return Err(Error::mismatch(format!("{block} in {x} at {start}")));
        }
        Ok(vec![x.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, start, block] = inputs.exactly()?;
        self.spec(&[x.spec(), start.spec(), block.spec()])?;
        let starts = starts(start, x.shape(), block.shape())?;
        let steps = strides(x.shape());
        let first: usize = starts.iter().zip(&steps).map(|(at, step)| at * step).sum();
        let steps: Vec<isize> = steps.into_iter().map(|step| step as isize).collect();
        let mut places: Vec<usize> = (0..x.len()).collect();
        for (at, place) in permutation(block.shape(), &steps, first as isize).into_iter().enumerate() {
            places[place] = x.len() + at;
        }
        let all = Array::join(&[&x.reshape([x.len()])?, &block.reshape([block.len()])?], 0)?;
        Ok(vec![all.take_runs(&places, 1, x.shape())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (grad, start, block) = (g.grad(0)?, g.input(1)?, g.input(2)?);
        let sizes: Vec<Option<usize>> = (0..block.rank()).map(|axis| block.spec().size(axis)).collect();
        let outside = slice_update(&grad, start, &ops::zeros_like(block)?)?;
        let inside = ops::reshape(&ops::slice_at(&grad, start, &sizes)?, block.sizes())?;
        Ok(vec![Some(outside), None, Some(inside)])
    }
}
