//! `bincount`: how often each number occurs in each row.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, Shape};

op! {
    /// How often each number from 0 to below `size` occurs along the last axis of the first input, whole numbers; with a
    /// second input of the same shape, the sum of its elements instead. Other numbers are left out.
    pub struct Bincount("bincount") {
        /// One above the largest number that is counted.
        pub size: usize,
    }
}

/// How often each number from 0 to below `size` occurs along the last axis (int32), or the sum of weights.
pub fn bincount(x: &Tensor, weights: Option<&Tensor>, size: usize) -> Result<Tensor> {
    let mut inputs = vec![x.clone()];
    inputs.extend(weights.cloned());
    let x = if x.dtype().is_integer() { x.clone() } else { ops::cast(x, DType::Int32)? };
    inputs[0] = x;
    GraphBuilder::innermost(&inputs)?.add_one(Bincount { size }, &inputs)
}

impl Op for Bincount {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let (x, weights) = match inputs {
            [x] => (x, None),
            [x, weights] => (x, Some(weights)),
            _ => return Err(Error::mismatch("bincount takes one or two inputs")),
        };
        let fits = x.rank() > 0 && x.dtype.is_integer() && weights.is_none_or(|weights| weights.rank() == x.rank());
        if !fits || weights.is_some_and(|weights| !weights.dtype.is_float()) {
            return Err(Error::mismatch(format!("bincount of {x}")));
        }
        let mut axes = x.shape.axes().to_vec();
        axes.pop();
        axes.push(Some(self.size as u64));
        Ok(vec![TensorSpec::new(weights.map_or(DType::Int32, |weights| weights.dtype), Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let spec = self.spec(&specs)?.only()?.clone();
        let x = &inputs[0];
        let weights = match inputs.get(1) {
            Some(weights) if weights.shape() != x.shape() => {
                return Err(Error::mismatch(format!("weights {:?} of {:?}", weights.shape(), x.shape())));
            }
            Some(weights) => weights.to_f64s()?,
            None => vec![1.0; x.len()],
        };
        let width = x.shape()[x.rank() - 1];
        let shape = spec.sizes()?;
        let mut sums = vec![0.0f64; crate::array::element_count(&shape)?];
        for (at, (number, weight)) in x.to_i64s()?.into_iter().zip(weights).enumerate() {
            if let Some(number) = usize::try_from(number).ok().filter(|&number| number < self.size) {
                sums[at / width * self.size + number] += weight;
            }
        }
        Ok(vec![Array::from_vec(shape, sums)?.cast(spec.dtype)?])
    }
}
