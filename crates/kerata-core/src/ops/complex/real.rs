//! `real`: the real parts of complex numbers.

use num_complex::Complex;

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The real parts of complex numbers.
    pub struct RealPart("real") {}
}

/// The real parts of a tensor.
pub fn real(x: &Tensor) -> Result<Tensor> {
    match x.dtype() {
        DType::Complex64 | DType::Complex128 => x.apply(RealPart {}),
        _ => Ok(x.clone()),
    }
}

impl Op for RealPart {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        match x.dtype {
            DType::Complex64 => Ok(vec![x.with_dtype(DType::Float32)]),
            DType::Complex128 => Ok(vec![x.with_dtype(DType::Float64)]),
            other => Err(Error::mismatch(format!("the real part of {other}"))),
        }
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let dtype = self.spec(&[x.spec()])?.only()?.dtype;
        let wide = x.cast(DType::Complex128)?;
        let parts = wide.as_slice::<Complex<f64>>()?.iter().map(|x| x.re).collect();
        Ok(vec![Array::from_vec::<f64>(x.shape(), parts)?.cast(dtype)?])
    }

    /// As in TensorFlow, the gradient of a complex number holds the derivatives by its parts as its parts.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grad = g.grad(0)?;
        let zero = ops::zeros_like(&grad)?;
        Ok(vec![Some(ops::complex(&grad, &zero)?)])
    }
}
