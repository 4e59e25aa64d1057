//! `searchsorted`: where elements belong in a sorted vector.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics, promote};
use crate::{DType, Error, Result};

op! {
    /// For each element of the second input, its place (int32) in the first, a sorted vector.
    pub struct Searchsorted("searchsorted") {
        /// Behind equal elements instead of before them.
        pub right: bool,
    }
}

/// Where elements belong in a sorted vector, as int32: before equal elements, or behind them.
pub fn searchsorted(sorted: &Tensor, values: &Tensor, right: bool) -> Result<Tensor> {
    let inputs = promote(&[sorted, values])?;
    GraphBuilder::innermost(&inputs)?.add_one(Searchsorted { right }, &inputs)
}

/// In which of the intervals between boundaries elements lie.
pub fn digitize(x: &Tensor, boundaries: &[f64]) -> Result<Tensor> {
    let boundaries = x.builder().constant(Array::vector(boundaries.to_vec()).cast(DType::Float32)?);
    searchsorted(&boundaries, &crate::ops::cast(x, DType::Float32)?, true)
}

impl Op for Searchsorted {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [sorted, values] = inputs.exactly()?;
        let is_number = crate::ops::reduce::reduction::is_number(sorted.dtype);
        if sorted.rank() != 1 || sorted.dtype != values.dtype || !is_number {
            return Err(Error::mismatch(format!("{values} in {sorted}")));
        }
        Ok(vec![values.with_dtype(DType::Int32)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [sorted, values] = inputs.exactly()?;
        self.spec(&[sorted.spec(), values.spec()])?;
        let places: Vec<i32> = if sorted.dtype().is_integer() {
            let sorted = sorted.to_i128s()?;
            let place = |value| sorted.partition_point(|other| if self.right { *other <= value } else { *other < value });
            values.to_i128s()?.into_iter().map(|value| place(value) as i32).collect()
        } else {
            let sorted = sorted.to_f64s()?;
            // NaN belongs behind all numbers.
            let place = |value: f64| {
                sorted.partition_point(|other| {
                    value.is_nan() || if self.right { *other <= value } else { *other < value }
                })
            };
            values.to_f64s()?.into_iter().map(|value| place(value) as i32).collect()
        };
        Ok(vec![Array::from_vec(values.shape(), places)?])
    }
}
