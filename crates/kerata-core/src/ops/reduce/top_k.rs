//! `top_k`: the largest elements along the last axis, largest first, and their places.

use super::order::comparison;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result, Shape};

op! {
    /// The `k` largest elements along the last axis, largest first, and their places as int32; of equal ones the first.
    pub struct TopK("top_k") {
        /// How many.
        pub k: usize,
    }
}

/// The `k` largest elements along the last axis, largest first, and their places.
pub fn top_k(x: &Tensor, k: usize) -> Result<(Tensor, Tensor)> {
    let made = x.builder().add(TopK { k }, std::slice::from_ref(x))?;
    let [values, places] = made.exactly()?;
    Ok((values.clone(), places.clone()))
}

/// Whether the class of each row is among the `k` with the highest scores.
pub fn in_top_k(targets: &Tensor, predictions: &Tensor, k: usize) -> Result<Tensor> {
    let places = ops::expand_dims(&ops::cast(targets, DType::Int32)?, -1)?;
    let own = ops::take_along_axis(predictions, &places, -1)?;
    let better = ops::cast(&ops::greater(predictions, &own)?, DType::Int32)?;
    let count = ops::sum(&better, &[-1], false)?;
    let is_in = ops::less(&count, &ops::scalar(&count, k as i64)?)?;
    ops::logical_and(&is_in, &ops::isfinite(&ops::squeeze(&own, &[-1])?)?)
}

impl Op for TopK {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let mut axes = x.shape.axes().to_vec();
        let last = axes.last_mut().ok_or_else(|| Error::mismatch("a scalar has no largest elements"))?;
        if last.is_some_and(|size| size < self.k as u64) {
            return Err(Error::mismatch(format!("the {} largest of {}", self.k, x.shape)));
        }
        *last = Some(self.k as u64);
        let values = TensorSpec::new(x.dtype, Shape::new(axes));
        let places = values.with_dtype(DType::Int32);
        Ok(vec![values, places])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?[0].sizes()?;
        let width = x.shape()[x.rank() - 1];
        let compare = comparison(x);
        let mut picked = Vec::with_capacity(shape.iter().product());
        for row in 0..x.len().checked_div(width).unwrap_or(0) {
            let mut places: Vec<usize> = (row * width..(row + 1) * width).collect();
            places.sort_by(|&a, &b| compare(b, a));
            picked.extend_from_slice(&places[..self.k]);
        }
        let values = x.take_runs(&picked, 1, shape.clone())?;
        let places = picked.into_iter().map(|place| (place % width) as i32).collect();
        Ok(vec![values, Array::from_vec(shape, places)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let x = g.input(0)?;
        let back = ops::scatter_along_axis(&g.grad(0)?, g.output(1)?, x.size(x.rank() - 1), -1)?;
        Ok(vec![Some(back)])
    }
}
