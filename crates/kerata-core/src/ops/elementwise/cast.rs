//! `cast`: the same values in another dtype.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The same values in another dtype.
    pub struct Cast("cast") {
        /// The dtype.
        pub dtype: DType,
    }
}

/// The same values in another dtype; the tensor itself when it has it.
pub fn cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    if x.dtype() == dtype { Ok(x.clone()) } else { x.apply(Cast { dtype }) }
}

impl Op for Cast {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let is_text = |dtype| matches!(dtype, DType::String | DType::Opaque(_));
        if is_text(x.dtype) || is_text(self.dtype) {
            return Err(Error::unsupported(format!("a cast from {} to {}", x.dtype, self.dtype)));
        }
        Ok(vec![x.with_dtype(self.dtype)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        Ok(vec![inputs.only()?.cast(self.dtype)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let dtype = g.input(0)?.dtype();
        let flows = |dtype: DType| !dtype.is_integer() && dtype != DType::Bool;
        if !flows(dtype) || !flows(self.dtype) {
            return Ok(vec![None]);
        }
        Ok(vec![Some(cast(&g.grad(0)?, dtype)?)])
    }
}
