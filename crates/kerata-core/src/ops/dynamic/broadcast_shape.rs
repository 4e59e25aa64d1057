//! `broadcast_shape`: a tensor stretched to a shape that is computed in the graph.

use super::{to_sizes, vector_length};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, sizes_from};
use crate::{Result, Shape};

op! {
    /// The first input stretched to the shape that the second, a vector of whole numbers, says.
    pub struct BroadcastShape("broadcast_shape") {}
}

/// A tensor stretched to a shape computed in the graph.
pub fn broadcast_shape(x: &Tensor, shape: &Tensor) -> Result<Tensor> {
    if let Some(sizes) = sizes_from(shape) {
        return ops::broadcast_to(x, sizes);
    }
    let inputs = [x.clone(), shape.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(BroadcastShape {}, &inputs)
}

impl Op for BroadcastShape {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, shape] = inputs.exactly()?;
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(vec![None; vector_length(shape)?]))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, shape] = inputs.exactly()?;
        let sizes = to_sizes(shape)?;
        crate::array::element_count(&sizes)?;
        Ok(vec![x.broadcast_to(&sizes)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(ops::sum_like(&g.grad(0)?, g.input(0)?)?), None])
    }
}
