//! `sum`: the sum over axes.

use num_complex::Complex;

use super::reduction::{
    ReduceRule, fold_rows, is_number, reduce_numbers, reduced_axes, reduced_shape, restore_axes, rows,
};
use crate::array::{Array, Elements};
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// The sum over axes. Floats are added in float64 and rounded once.
    pub struct Sum("sum") {
        /// Which axes, ascending.
        pub axes: Vec<usize>,
        /// Whether they stay as axes of size 1.
        pub keepdims: bool,
    }
}

/// The sum over axes (none: all). Bools and small whole numbers are added as int32, or uint32.
pub fn sum(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    let x = super::reduction::widened(x)?;
    let axes = reduced_axes(x.spec(), axes)?;
    if axes.is_empty() {
        return Ok(x);
    }
    x.apply(Sum { axes, keepdims })
}

impl Op for Sum {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if !is_number(x.dtype) {
            return Err(Error::mismatch(format!("elements of {} are not added", x.dtype)));
        }
        Ok(vec![TensorSpec::new(x.dtype, reduced_shape(&x.shape, &self.axes, self.keepdims)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let count = crate::array::element_count(&shape)?;
        let (moved, width) = rows(x, &self.axes)?;
        let elements = match moved.elements() {
            Elements::Complex64(v) => {
                let add = |row: &[Complex<f32>]| {
                    let total: Complex<f64> = row.iter().map(|x| Complex::new(x.re.into(), x.im.into())).sum();
                    Complex::new(total.re as f32, total.im as f32)
                };
                Elements::Complex64(fold_rows(v, width, count, add).into())
            }
            Elements::Complex128(v) => {
                Elements::Complex128(fold_rows(v, width, count, |row| row.iter().sum()).into())
            }
            _ => {
                return Ok(vec![reduce_numbers::<Self>(x, &self.axes, shape)?]);
            }
        };
        Ok(vec![Array::new(shape, elements)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![<Self as ReduceRule>::gradient(g, &self.axes)?])
    }
}

impl ReduceRule for Sum {
    fn floats(row: impl Iterator<Item = f64> + Clone) -> f64 {
        row.sum()
    }

    fn integers(row: impl Iterator<Item = i128>) -> i128 {
        row.fold(0, i128::wrapping_add)
    }

    fn gradient(g: &Gradient<'_>, axes: &[usize]) -> Result<Option<Tensor>> {
        let x = g.input(0)?;
        let grad = restore_axes(&g.grad(0)?, x, axes)?;
        ops::broadcast_to(&grad, x.sizes()).map(Some)
    }
}
