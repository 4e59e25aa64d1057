//! `stop_gradient`: a tensor through which no gradient flows.

use crate::Result;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};

op! {
    /// The input, as if it were a constant.
    pub struct StopGradient("stop_gradient") {}
}

/// A tensor through which no gradient flows.
pub fn stop_gradient(x: &Tensor) -> Result<Tensor> {
    x.apply(StopGradient {})
}

impl Op for StopGradient {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        Ok(vec![inputs.only()?.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        Ok(vec![inputs.only()?.clone()])
    }
}
