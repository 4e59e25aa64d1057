//! `broadcast_to`: axes of size 1 stretched, leading axes added.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::elementwise::{broadcast_shapes, unbroadcast};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// The first input stretched to a shape; further inputs only lend the sizes of their axes.
    pub struct BroadcastTo("broadcast_to") {
        /// Sizes of the axes.
        pub dims: Vec<Dim>,
    }
}

/// A tensor stretched to a shape.
pub fn broadcast_to(x: &Tensor, sizes: impl IntoIterator<Item = impl Into<Size>>) -> Result<Tensor> {
    let mut inputs = vec![x.clone()];
    let dims = dims(sizes, &mut inputs);
    if shape_of_dims(&dims, &[x.spec().clone()]).is_ok_and(|shape| shape == *x.shape()) && inputs.len() == 1 {
        return Ok(x.clone());
    }
    GraphBuilder::innermost(&inputs)?.add_one(BroadcastTo { dims }, &inputs)
}

impl Op for BroadcastTo {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.first().ok_or_else(|| Error::mismatch("broadcast_to without input"))?;
        if self.dims.contains(&Dim::Infer) {
            return Err(Error::usage("broadcast_to cannot infer a size"));
        }
        let shape = shape_of_dims(&self.dims, inputs)?;
        let met = broadcast_shapes(&[&x.shape, &shape])?;
        let grows = met.axes().iter().zip(shape.axes()).any(|(met, own)| own.is_some() && met != own);
        if met.rank() != shape.rank() || grows {
            return Err(Error::mismatch(format!("{} does not broadcast to {shape}", x.shape)));
        }
        Ok(vec![TensorSpec::new(x.dtype, shape)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        Ok(vec![inputs[0].broadcast_to(&shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let mut grads = vec![None; g.inputs.len()];
        grads[0] = Some(unbroadcast(&g.grad(0)?, g.input(0)?)?);
        Ok(grads)
    }
}
