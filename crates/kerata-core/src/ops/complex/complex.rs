//! `complex`: complex numbers from their parts.

use num_complex::Complex;

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
use crate::{DType, Error, Result};

op! {
    /// Complex numbers from real parts and imaginary parts, of one shape.
    pub struct ToComplex("complex") {}
}

/// Complex numbers from real and imaginary parts; float64 parts give complex128.
pub fn complex(real: &Tensor, imaginary: &Tensor) -> Result<Tensor> {
    let mut inputs = promote(&[real, imaginary])?;
    if inputs[0].dtype() != DType::Float64 {
        inputs = inputs.iter().map(|part| ops::cast(part, DType::Float32)).collect::<Result<_>>()?;
    }
    GraphBuilder::innermost(&inputs)?.add_one(ToComplex {}, &inputs)
}

/// The complex numbers of the other half plane; real tensors stay.
pub fn conj(x: &Tensor) -> Result<Tensor> {
    if !matches!(x.dtype(), DType::Complex64 | DType::Complex128) {
        return Ok(x.clone());
    }
    complex(&ops::real(x)?, &ops::negative(&ops::imag(x)?)?)
}

/// The distances of complex numbers from zero.
pub fn complex_abs(x: &Tensor) -> Result<Tensor> {
    ops::sqrt(&ops::add(&ops::square(&ops::real(x)?)?, &ops::square(&ops::imag(x)?)?)?)
}

/// The angles of complex numbers.
pub fn angle(x: &Tensor) -> Result<Tensor> {
    ops::arctan2(&ops::imag(x)?, &ops::real(x)?)
}

impl Op for ToComplex {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [real, imaginary] = inputs.exactly()?;
        let dtype = match (real.dtype, imaginary.dtype) {
            (DType::Float32, DType::Float32) => DType::Complex64,
            (DType::Float64, DType::Float64) => DType::Complex128,
            _ => return Err(Error::mismatch(format!("complex numbers of {real} and {imaginary}"))),
        };
        let shape = ops::broadcast_shapes(&[&real.shape, &imaginary.shape])?;
        Ok(vec![TensorSpec::new(dtype, shape)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [real, imaginary] = inputs.exactly()?;
        let spec = self.spec(&[real.spec(), imaginary.spec()])?.only()?.clone();
        let shape = spec.sizes()?;
        let (real, imaginary) = (real.broadcast_to(&shape)?.to_f64s()?, imaginary.broadcast_to(&shape)?.to_f64s()?);
        let values = real.into_iter().zip(imaginary).map(|(re, im)| Complex::new(re, im)).collect();
        Ok(vec![Array::from_vec::<Complex<f64>>(shape, values)?.cast(spec.dtype)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grad = g.grad(0)?;
        Ok(vec![
            Some(ops::unbroadcast(&ops::real(&grad)?, g.input(0)?)?),
            Some(ops::unbroadcast(&ops::imag(&grad)?, g.input(1)?)?),
        ])
    }
}
