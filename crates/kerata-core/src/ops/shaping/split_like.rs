//! `split_like`: a tensor cut along an axis into parts as large as other tensors are; the inverse of `concat`.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// The first input cut into parts; the other inputs lend the sizes of their axis.
    pub struct SplitLike("split_like") {
        /// Along which axis.
        pub axis: usize,
    }
}

/// A tensor cut along an axis into parts as large as other tensors are.
pub fn split_like(x: &Tensor, like: &[Tensor], axis: usize) -> Result<Vec<Tensor>> {
    let sizes: Option<Vec<usize>> = like.iter().map(|like| like.spec().size(axis)).collect();
    if let Some(sizes) = sizes {
        return ops::split_sizes(x, &sizes, axis as i64);
    }
    let mut inputs = vec![x.clone()];
    inputs.extend_from_slice(like);
    GraphBuilder::innermost(&inputs)?.add(SplitLike { axis }, &inputs)
}

impl Op for SplitLike {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, like @ ..] = inputs else { return Err(Error::mismatch("split_like without input")) };
        if like.iter().chain([x]).any(|spec| self.axis >= spec.rank()) {
            return Err(Error::mismatch(format!("axis {} of {}", self.axis, x.shape)));
        }
        let part = |like: &TensorSpec| {
            let mut axes = x.shape.axes().to_vec();
            axes[self.axis] = like.shape.axes()[self.axis];
            TensorSpec::new(x.dtype, Shape::new(axes))
        };
        Ok(like.iter().map(part).collect())
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&inputs.iter().map(Array::spec).collect::<Vec<_>>())?;
        let sizes: Vec<usize> = inputs[1..].iter().map(|like| like.shape()[self.axis]).collect();
        inputs[0].cut(&sizes, self.axis)
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grads = (0..g.outputs.len()).map(|index| g.grad(index)).collect::<Result<Vec<_>>>()?;
        let mut result = vec![None; g.inputs.len()];
        result[0] = Some(ops::concatenate(&grads, self.axis as i64)?);
        Ok(result)
    }
}
