//! `argmin`: the place of the smallest element along an axis, the first of equal ones.

use super::reduction::{best_place, reduced_shape};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, expand_dims, not_differentiable, op, op_basics, ravel};
use crate::{DType, Result};

op! {
    /// The place of the smallest element along an axis, the first of equal ones.
    pub struct Argmin("argmin") {
        /// Which axis.
        pub axis: usize,
    }
}

/// The place of the smallest element along an axis, the first of equal ones, as int32; no axis means over all elements.
pub fn argmin(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    let Some(axis) = axis else {
        let place = argmin(&ravel(x)?, Some(0), false)?;
        let sizes = vec![1; if keepdims { x.rank() } else { 0 }];
        return crate::ops::reshape(&place, sizes);
    };
    let axis = x.spec().axis(axis)?;
    let place = x.apply(Argmin { axis })?;
    if keepdims { expand_dims(&place, axis as i64) } else { Ok(place) }
}

impl Op for Argmin {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        Ok(vec![TensorSpec::new(DType::Int32, reduced_shape(&inputs.only()?.shape, &[self.axis], false)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        Ok(vec![best_place(x, self.axis, |x, best| x < best)?])
    }
}
