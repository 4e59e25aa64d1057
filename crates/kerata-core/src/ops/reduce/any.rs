//! `any`: whether an element over axes is true.

use super::reduction::{fold_rows, reduced_axes, reduced_shape, rows};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, cast, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// Whether an element over axes is true.
    pub struct Any("any") {
        /// Which axes, ascending.
        pub axes: Vec<usize>,
        /// Whether they stay as axes of size 1.
        pub keepdims: bool,
    }
}

/// Whether an element over axes is true (none: all).
pub fn any(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    let x = cast(x, DType::Bool)?;
    let axes = reduced_axes(x.spec(), axes)?;
    x.apply(Any { axes, keepdims })
}

impl Op for Any {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if x.dtype != DType::Bool {
            return Err(Error::mismatch(format!("any of {}", x.dtype)));
        }
        Ok(vec![TensorSpec::new(DType::Bool, reduced_shape(&x.shape, &self.axes, self.keepdims)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let (moved, width) = rows(x, &self.axes)?;
        let count = crate::array::element_count(&shape)?;
        Ok(vec![Array::from_bools(shape, fold_rows(moved.as_bools()?, width, count, |row| row.iter().any(|&x| x != 0)))?])
    }
}
