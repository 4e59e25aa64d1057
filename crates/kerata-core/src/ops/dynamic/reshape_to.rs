//! `reshape_to`: the same elements under a shape that is computed in the graph.

use super::vector_length;
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, sizes_from};
use crate::{Error, Result, Shape};

op! {
    /// The first input under the shape that the second, a vector of whole numbers, says; -1 is what is left over.
    pub struct ReshapeTo("reshape_to") {}
}

/// The same elements under a shape computed in the graph. Where the shape is put together of constants and sizes of tensors,
/// this is a plain `reshape`.
pub fn reshape_to(x: &Tensor, shape: &Tensor) -> Result<Tensor> {
    if let Some(sizes) = sizes_from(shape) {
        return ops::reshape(x, sizes);
    }
    let inputs = [x.clone(), shape.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(ReshapeTo {}, &inputs)
}

impl Op for ReshapeTo {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, shape] = inputs.exactly()?;
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(vec![None; vector_length(shape)?]))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, shape] = inputs.exactly()?;
        self.spec(&[x.spec(), shape.spec()])?;
        let mut sizes = shape.to_i64s()?;
        if let Some(open) = sizes.iter().position(|&size| size == -1) {
            let named: i64 = sizes.iter().filter(|&&size| size != -1).product();
            sizes[open] = if named == 0 { 0 } else { x.len() as i64 / named };
        }
        let sizes = sizes.iter().map(|&size| usize::try_from(size)).collect::<std::result::Result<Vec<_>, _>>();
        Ok(vec![x.reshape(sizes.map_err(|_| Error::mismatch("a shape with negative sizes"))?)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(ops::reshape(&g.grad(0)?, g.input(0)?.sizes())?), None])
    }
}
