//! Adding up elements of any numeric dtype at places.

use half::{bf16, f16};
use num_complex::Complex;

use crate::array::{Array, Elements};
use crate::{Error, Result};

/// Zeros of a shape to which element `at` of `x` is added at `places[at]`; half types are added in float32.
pub fn add_at(x: &Array, places: &[usize], shape: Vec<usize>) -> Result<Array> {
    let count = crate::array::element_count(&shape)?;
    macro_rules! sums {
        ($($variant:ident $type:ty, $sum:ty, $widen:expr, $add:expr, $narrow:expr;)*) => {
            match x.elements() {
                $(Elements::$variant(v) => {
                    let mut sums = vec![<$sum>::default(); count];
                    for (&x, &place) in v.iter().zip(places) {
                        sums[place] = $add(sums[place], $widen(x));
                    }
                    Elements::$variant(sums.into_iter().map($narrow).collect())
                })*
                other => return Err(Error::mismatch(format!("elements of {} are not added", other.dtype()))),
            }
        };
    }
    let elements = sums!(
        Float32 f32, f32, |x| x, |a, b| a + b, |x| x;
        Float64 f64, f64, |x| x, |a, b| a + b, |x| x;
        Float16 f16, f32, f16::to_f32, |a, b| a + b, f16::from_f32;
        Bfloat16 bf16, f32, bf16::to_f32, |a, b| a + b, bf16::from_f32;
        Complex64 Complex<f32>, Complex<f32>, |x| x, |a, b| a + b, |x| x;
        Complex128 Complex<f64>, Complex<f64>, |x| x, |a, b| a + b, |x| x;
        Int8 i8, i8, |x| x, i8::wrapping_add, |x| x;
        Int16 i16, i16, |x| x, i16::wrapping_add, |x| x;
        Int32 i32, i32, |x| x, i32::wrapping_add, |x| x;
        Int64 i64, i64, |x| x, i64::wrapping_add, |x| x;
        Uint8 u8, u8, |x| x, u8::wrapping_add, |x| x;
        Uint16 u16, u16, |x| x, u16::wrapping_add, |x| x;
        Uint32 u32, u32, |x| x, u32::wrapping_add, |x| x;
        Uint64 u64, u64, |x| x, u64::wrapping_add, |x| x;
    );
    Array::new(shape, elements)
}
