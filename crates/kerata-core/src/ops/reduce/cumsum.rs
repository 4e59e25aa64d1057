//! `cumsum`: the sum of the elements so far along an axis.

use super::reduction::is_number;
use super::scan_axis::{Along, accumulate};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The sum of the elements so far along an axis.
    pub struct Cumsum("cumsum") {
        /// Which axis.
        pub axis: usize,
        /// Whether each element is left out of its own value.
        pub exclusive: bool,
        /// Whether to begin at the end.
        pub reverse: bool,
    }
}

/// The sum of the elements so far along an axis; no axis means along all elements.
pub fn cumsum(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    let x = if x.dtype() == DType::Bool { ops::cast(x, DType::Int32)? } else { x.clone() };
    let (x, axis) = match axis {
        Some(axis) => (x.clone(), x.spec().axis(axis)?),
        None => (ops::ravel(&x)?, 0),
    };
    x.apply(Cumsum { axis, exclusive: false, reverse: false })
}

impl Op for Cumsum {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if self.axis >= x.rank() || !is_number(x.dtype) {
            return Err(Error::mismatch(format!("axis {} of {x} is not accumulated", self.axis)));
        }
        Ok(vec![x.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let along = Along { axis: self.axis, exclusive: self.exclusive, reverse: self.reverse };
        Ok(vec![accumulate(x, &along, (0.0, |a, b| a + b), (0, i64::wrapping_add))?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grad = g.grad(0)?;
        let back = Self { reverse: !self.reverse, ..self.clone() };
        Ok(vec![Some(grad.apply(back)?)])
    }
}
