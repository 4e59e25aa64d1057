//! `argsort`: the places of the elements along the last axis in ascending order; equal ones keep theirs.

use super::order::comparison;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The places of the elements along the last axis in ascending order.
    pub struct Argsort("argsort") {}
}

/// The places of the elements along an axis in ascending order, as int32.
pub fn argsort(x: &Tensor, axis: i64) -> Result<Tensor> {
    let last = ops::swapaxes(x, axis, -1)?;
    let places = last.apply(Argsort {})?;
    ops::swapaxes(&places, axis, -1)
}

/// The elements along an axis in ascending order.
pub fn sort(x: &Tensor, axis: i64) -> Result<Tensor> {
    ops::take_along_axis(x, &argsort(x, axis)?, axis)
}

impl Op for Argsort {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if x.rank() == 0 {
            return Err(Error::mismatch("a scalar is not sorted"));
        }
        Ok(vec![x.with_dtype(DType::Int32)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let width = x.shape()[x.rank() - 1];
        let compare = comparison(x);
        let mut places: Vec<usize> = (0..x.len()).collect();
        if width > 0 {
            places.chunks_exact_mut(width).for_each(|row| row.sort_by(|&a, &b| compare(a, b)));
        }
        let places = places.into_iter().map(|place| (place % width.max(1)) as i32).collect();
        Ok(vec![Array::from_vec(x.shape(), places)?])
    }
}
