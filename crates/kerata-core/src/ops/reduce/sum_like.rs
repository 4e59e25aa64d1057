//! `sum_like`: the sum over those axes along which another tensor would be stretched to this one.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, Sum};
use crate::{Error, Result};

op! {
    /// The first input summed to the shape of the second; the inverse of broadcasting.
    pub struct SumLike("sum_like") {}
}

/// A tensor summed to the shape of another one that broadcasts to it.
pub fn sum_like(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    let inputs = [x.clone(), like.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(SumLike {}, &inputs)
}

impl Op for SumLike {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, like] = inputs.exactly()?;
        let met = ops::broadcast_shapes(&[&x.shape, &like.shape])?;
        if met.rank() > x.rank() {
            return Err(Error::mismatch(format!("{} is not summed to {}", x.shape, like.shape)));
        }
        Ok(vec![TensorSpec::new(x.dtype, like.shape.clone())])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, like] = inputs.exactly()?;
        self.spec(&[x.spec(), like.spec()])?;
        let lead = x.rank() - like.rank();
        let axes: Vec<usize> = (0..x.rank())
            .filter(|&axis| axis < lead || x.shape()[axis] != like.shape()[axis - lead])
            .collect();
        if axes.is_empty() {
            return Ok(vec![x.clone()]);
        }
        let sum = Sum { axes, keepdims: true }.evaluate(std::slice::from_ref(x))?;
        Ok(vec![sum.only()?.reshape(like.shape())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(ops::broadcast_to(&g.grad(0)?, g.input(0)?.sizes())?), None])
    }
}
