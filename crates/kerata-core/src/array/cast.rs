//! Casting an array to another dtype.

use float8::{F8E4M3, F8E5M2};
use num_complex::Complex;

use super::{Array, Buffer, Element, Elements, Number, Wide};
use crate::{DType, Error, Result};

impl Array {
    /// The same values in another dtype, as TensorFlow's `cast`.
    pub fn cast(&self, dtype: DType) -> Result<Self> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        let elements = match dtype {
            DType::Bool => Elements::Bool(self.convert(&|wide| match wide {
                Wide::Int(value) => u8::from(value != 0),
                Wide::Uint(value) => u8::from(value != 0),
                Wide::Float(value) => u8::from(value != 0.0),
            })?),
            DType::Int8 => i8::wrap(self.convert(&Number::from_wide)?),
            DType::Int16 => i16::wrap(self.convert(&Number::from_wide)?),
            DType::Int32 => i32::wrap(self.convert(&Number::from_wide)?),
            DType::Int64 => i64::wrap(self.convert(&Number::from_wide)?),
            DType::Uint8 => u8::wrap(self.convert(&Number::from_wide)?),
            DType::Uint16 => u16::wrap(self.convert(&Number::from_wide)?),
            DType::Uint32 => u32::wrap(self.convert(&Number::from_wide)?),
            DType::Uint64 => u64::wrap(self.convert(&Number::from_wide)?),
            DType::Int4 => Elements::Int4(self.convert(&|wide| (i8::from_wide(wide) << 4) >> 4)?),
            DType::Uint4 => Elements::Uint4(self.convert(&|wide| u8::from_wide(wide) & 15)?),
            DType::Float8E4m3fn => {
                Elements::Float8E4m3fn(self.convert(&|wide| e4m3fn_bits(f64::from_wide(wide)))?)
            }
            DType::Float8E5m2 => {
                Elements::Float8E5m2(self.convert(&|wide| F8E5M2::from_f64(f64::from_wide(wide)).to_bits())?)
            }
            DType::Float16 => Elements::Float16(self.convert(&Number::from_wide)?),
            DType::Bfloat16 => Elements::Bfloat16(self.convert(&Number::from_wide)?),
            DType::Float32 => f32::wrap(self.convert(&Number::from_wide)?),
            DType::Float64 => f64::wrap(self.convert(&Number::from_wide)?),
            DType::Complex64 => match &self.elements {
                Elements::Complex128(v) => {
                    Elements::Complex64(v.iter().map(|c| Complex::new(c.re as f32, c.im as f32)).collect())
                }
                _ => Elements::Complex64(self.convert(&|wide| Complex::new(f32::from_wide(wide), 0.0))?),
            },
            DType::Complex128 => match &self.elements {
                Elements::Complex64(v) => {
                    Elements::Complex128(v.iter().map(|c| Complex::new(c.re.into(), c.im.into())).collect())
                }
                _ => Elements::Complex128(self.convert(&|wide| Complex::new(f64::from_wide(wide), 0.0))?),
            },
            DType::String | DType::Opaque(_) => {
                return Err(Error::unsupported(format!("a cast from {} to {dtype}", self.dtype())));
            }
        };
        Self::new(self.shape.clone(), elements)
    }

    /// The values of a real array as float64.
    pub fn to_f64s(&self) -> Result<Vec<f64>> {
        self.convert::<f64>(&Number::from_wide).map(Buffer::into_vec)
    }

    /// The values of a whole-number or bool array.
    pub fn to_i64s(&self) -> Result<Vec<i64>> {
        let dtype = self.dtype();
        if !dtype.is_integer() && dtype != DType::Bool {
            return Err(Error::mismatch(format!("expected whole numbers, found {dtype}")));
        }
        self.convert::<i64>(&Number::from_wide).map(Buffer::into_vec)
    }

    /// Every element widened and then turned into what `narrow` gives.
    fn convert<T: bytemuck::NoUninit + bytemuck::AnyBitPattern>(
        &self,
        narrow: &impl Fn(Wide) -> T,
    ) -> Result<Buffer<T>> {
        macro_rules! each {
            ($v:expr, $f:expr) => {
                $v.iter().map(|&x| narrow($f(x))).collect()
            };
        }
        Ok(match &self.elements {
            Elements::Bool(v) => each!(v, Number::wide),
            Elements::Int8(v) | Elements::Int4(v) => each!(v, Number::wide),
            Elements::Int16(v) => each!(v, Number::wide),
            Elements::Int32(v) => each!(v, Number::wide),
            Elements::Int64(v) => each!(v, Number::wide),
            Elements::Uint8(v) | Elements::Uint4(v) => each!(v, Number::wide),
            Elements::Uint16(v) => each!(v, Number::wide),
            Elements::Uint32(v) => each!(v, Number::wide),
            Elements::Uint64(v) => each!(v, Number::wide),
            Elements::Float8E4m3fn(v) => each!(v, |bits| Wide::Float(F8E4M3::from_bits(bits).to_f64())),
            Elements::Float8E5m2(v) => each!(v, |bits| Wide::Float(F8E5M2::from_bits(bits).to_f64())),
            Elements::Float16(v) => each!(v, Number::wide),
            Elements::Bfloat16(v) => each!(v, Number::wide),
            Elements::Float32(v) => each!(v, Number::wide),
            Elements::Float64(v) => each!(v, Number::wide),
            Elements::Complex64(v) => each!(v, |c: Complex<f32>| c.re.wide()),
            Elements::Complex128(v) => each!(v, |c: Complex<f64>| c.re.wide()),
            Elements::Strings(_) => return Err(Error::unsupported("a cast from string to a number")),
        })
    }
}

/// The bits of the nearest 4 exponent, 3 mantissa float; beyond the largest is NaN, as `ml_dtypes` rounds.
fn e4m3fn_bits(value: f64) -> u8 {
    // 464 lies half way between the largest number, 448, and what would be the next; ties go to the even 448.
    if value.abs() > 464.0 || value.is_nan() {
        return if value.is_sign_negative() { 0xff } else { 0x7f };
    }
    F8E4M3::from_f64(value).to_bits()
}
