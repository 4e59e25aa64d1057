//! `unslice`: zeros with a tensor in the place of a slice; the way back of `slice`.

use super::slice::{Range, Slice, slice, view};
use crate::array::{Array, permutation};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// Zeros of the shape of the second input with the first one where the ranges lie.
    pub struct Unslice("unslice") {
        /// One for each axis.
        pub ranges: Vec<Range>,
    }
}

/// Zeros of the shape of `like` with a tensor where the ranges lie.
pub fn unslice(x: &Tensor, like: &Tensor, ranges: &[Range]) -> Result<Tensor> {
    let inputs = [x.clone(), like.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(Unslice { ranges: ranges.to_vec() }, &inputs)
}

impl Op for Unslice {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, like] = inputs.exactly()?;
        let expected = Slice { ranges: self.ranges.clone() }.spec(std::slice::from_ref(like))?;
        let expected = &expected.only()?.shape;
        let fits = expected.rank() == x.rank()
            && expected.axes().iter().zip(x.shape.axes()).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        if !fits {
            return Err(Error::mismatch(format!("{} in the place of a slice of {expected}", x.shape)));
        }
        Ok(vec![TensorSpec::new(x.dtype, like.shape.clone())])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, like] = inputs.exactly()?;
        self.spec(&[x.spec(), like.spec()])?;
        let (start, steps) = view(like.shape(), &self.ranges);
        // Every element of the result is the first of all, a zero, or one of the input, moved up by one.
        let mut places = vec![0; like.len()];
        for (at, place) in permutation(x.shape(), &steps, start).into_iter().enumerate() {
            places[place] = at + 1;
        }
        let all = Array::join(&[&Array::zeros([1], x.dtype())?, &x.reshape([x.len()])?], 0)?;
        Ok(vec![all.take_runs(&places, 1, like.shape())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(slice(&g.grad(0)?, &self.ranges)?), None])
    }
}
