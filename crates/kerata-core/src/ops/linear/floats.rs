//! Running a float kernel on arrays: half types compute in float32 and are rounded at the end.

use crate::array::{Array, Elements};
use crate::{DType, Error, Result};

/// A function on float slices, for float32 and for float64.
pub trait FloatKernel {
    /// Computes the result of `count` elements from the elements of the inputs.
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T>;
}

/// Runs a kernel on arrays of one float dtype, in that dtype or float32.
pub fn run_floats(kernel: &impl FloatKernel, inputs: &[&Array], shape: Vec<usize>) -> Result<Array> {
    let count = crate::array::element_count(&shape)?;
    let dtype = inputs.first().map_or(DType::Float32, |input| input.dtype());
    match dtype {
        DType::Float64 => {
            let slices = inputs.iter().map(|input| input.as_slice::<f64>()).collect::<Result<Vec<_>>>()?;
            Array::new(shape, Elements::Float64(kernel.run(&slices, count).into()))
        }
        DType::Float32 => {
            let slices = inputs.iter().map(|input| input.as_f32()).collect::<Result<Vec<_>>>()?;
            Array::new(shape, Elements::Float32(kernel.run(&slices, count).into()))
        }
        DType::Float16 | DType::Bfloat16 => {
            let wide = inputs.iter().map(|input| input.cast(DType::Float32)).collect::<Result<Vec<_>>>()?;
            run_floats(kernel, &wide.iter().collect::<Vec<_>>(), shape)?.cast(dtype)
        }
        other => Err(Error::mismatch(format!("expected floats, found {other}"))),
    }
}

/// Fails unless a dtype is one that float kernels take.
pub fn check_float(dtype: DType) -> Result<()> {
    match dtype {
        DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64 => Ok(()),
        other => Err(Error::mismatch(format!("expected floats, found {other}"))),
    }
}
