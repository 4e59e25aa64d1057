//! Adding up elements of any numeric dtype at places.

use num_complex::Complex;

use crate::array::Array;
use crate::{DType, Result};

/// Zeros of a shape to which element `at` of `x` is added at `places[at]`. Half types are added in float32, whole numbers
/// wrap around.
pub fn add_at(x: &Array, places: &[usize], shape: Vec<usize>) -> Result<Array> {
    let count = crate::array::element_count(&shape)?;
    match x.dtype() {
        DType::Float32 => Array::from_vec(shape, sums(x.as_f32()?, places, count, |a, b| a + b)),
        DType::Float64 => Array::from_vec(shape, sums(x.as_slice::<f64>()?, places, count, |a, b| a + b)),
        DType::Complex128 => {
            Array::from_vec(shape, sums(x.as_slice::<Complex<f64>>()?, places, count, |a, b| a + b))
        }
        DType::Int64 => Array::from_vec(shape, sums(x.as_slice::<i64>()?, places, count, i64::wrapping_add)),
        DType::Float16 | DType::Bfloat16 => add_at(&x.cast(DType::Float32)?, places, shape)?.cast(x.dtype()),
        DType::Complex64 => add_at(&x.cast(DType::Complex128)?, places, shape)?.cast(x.dtype()),
        _ => add_at(&x.cast(DType::Int64)?, places, shape)?.cast(x.dtype()),
    }
}

fn sums<T: Copy + Default>(values: &[T], places: &[usize], count: usize, add: impl Fn(T, T) -> T) -> Vec<T> {
    let mut sums = vec![T::default(); count];
    for (&value, &place) in values.iter().zip(places) {
        sums[place] = add(sums[place], value);
    }
    sums
}
