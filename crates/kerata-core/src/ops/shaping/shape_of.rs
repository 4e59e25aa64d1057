//! `shape_of`: the sizes of a tensor as a tensor.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The sizes of the axes.
    pub struct ShapeOf("shape_of") {
        /// int32 or int64.
        pub dtype: DType,
    }
}

/// The sizes of a tensor as an int32 vector; a constant when all are known.
pub fn shape_of(x: &Tensor) -> Result<Tensor> {
    shape_of_as(x, DType::Int32)
}

/// The sizes of a tensor as a vector of whole numbers; a constant when all are known.
pub fn shape_of_as(x: &Tensor, dtype: DType) -> Result<Tensor> {
    if let Some(sizes) = x.shape().sizes() {
        let sizes: Vec<u64> = sizes;
        return Ok(x.builder().constant(Array::vector(sizes).cast(dtype)?));
    }
    x.apply(ShapeOf { dtype })
}

impl Op for ShapeOf {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        if !self.dtype.is_integer() {
            return Err(Error::usage(format!("sizes as {}", self.dtype)));
        }
        Ok(vec![TensorSpec::new(self.dtype, [inputs.only()?.rank() as u64])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let sizes: Vec<u64> = inputs.only()?.shape().iter().map(|&size| size as u64).collect();
        Ok(vec![Array::vector(sizes).cast(self.dtype)?])
    }
}
