//! `nonzero`: where a tensor is true.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, Shape};

op! {
    /// The places of the true elements, one row (int64) each, in the order of the elements.
    pub struct Nonzero("nonzero") {}
}

/// The places where a tensor of bools is true, one row each.
pub fn nonzero(x: &Tensor) -> Result<Tensor> {
    x.apply(Nonzero {})
}

impl Op for Nonzero {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if x.dtype != DType::Bool {
            return Err(Error::mismatch(format!("{x} has no true elements")));
        }
        Ok(vec![TensorSpec::new(DType::Int64, Shape::new([None, Some(x.rank() as u64)]))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let mut places = Vec::new();
        let mut count = 0;
        for (at, _) in x.as_bools()?.iter().enumerate().filter(|(_, value)| **value != 0) {
            let mut rest = at;
            let mut row: Vec<i64> = Vec::with_capacity(x.rank());
            for size in x.shape().iter().rev() {
                row.push((rest % size) as i64);
                rest /= size;
            }
            places.extend(row.into_iter().rev());
            count += 1;
        }
        Ok(vec![Array::from_vec([count, x.rank()], places)?])
    }
}
