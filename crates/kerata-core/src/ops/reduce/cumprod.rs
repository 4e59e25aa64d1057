//! `cumprod`: the product of the elements so far along an axis.

use super::reduction::is_number;
use super::scan_axis::{Along, accumulate};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The product of the elements so far along an axis.
    pub struct Cumprod("cumprod") {
        /// Which axis.
        pub axis: usize,
        /// Whether each element is left out of its own value.
        pub exclusive: bool,
        /// Whether to begin at the end.
        pub reverse: bool,
    }
}

/// The product of the elements so far along an axis; no axis means along all elements.
pub fn cumprod(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    let x = if x.dtype() == DType::Bool { ops::cast(x, DType::Int32)? } else { x.clone() };
    let (x, axis) = match axis {
        Some(axis) => (x.clone(), x.spec().axis(axis)?),
        None => (ops::ravel(&x)?, 0),
    };
    x.apply(Cumprod { axis, exclusive: false, reverse: false })
}

/// The product of the elements before each one, or behind it.
pub fn cumprod_shifted(x: &Tensor, axis: i64, reverse: bool) -> Result<Tensor> {
    let axis = x.spec().axis(axis)?;
    x.apply(Cumprod { axis, exclusive: true, reverse })
}

impl Op for Cumprod {
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
        Ok(vec![accumulate(x, &along, (1.0, |a, b| a * b), (1, i64::wrapping_mul))?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        // As TensorFlow: right unless an element is zero.
        let (grad, x) = (g.grad(0)?, g.input(0)?);
        let weighted = ops::multiply(&grad, g.output(0)?)?;
        let back = ops::Cumsum { axis: self.axis, exclusive: self.exclusive, reverse: !self.reverse };
        let sums = grad.builder().add_one(back, &[weighted])?;
        Ok(vec![Some(ops::divide(&sums, x)?)])
    }
}
