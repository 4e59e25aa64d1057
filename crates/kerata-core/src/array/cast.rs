//! Casting an array to another dtype.

use float8::{F8E4M3, F8E5M2};
use num_complex::Complex;

use super::{Array, Element, Elements, Number, Wide};
use crate::{DType, Error, Result};

/// Elements converted at a time; bounds the memory of the wide form.
const BLOCK: usize = 4096;

/// A run of elements in one of three wide types. Going through them keeps the number of conversion loops small.
enum Block {
    Ints(Vec<i64>),
    Uints(Vec<u64>),
    Floats(Vec<f64>),
}

impl Array {
    /// The same values in another dtype, as TensorFlow's `cast`.
    pub fn cast(&self, dtype: DType) -> Result<Self> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        let elements = match dtype {
            DType::Bool => Elements::Bool(
                self.mapped(|wide| match wide {
                    Wide::Int(value) => u8::from(value != 0),
                    Wide::Uint(value) => u8::from(value != 0),
                    Wide::Float(value) => u8::from(value != 0.0),
                })?
                .into(),
            ),
            DType::Int8 => i8::wrap(self.converted()?.into()),
            DType::Int16 => i16::wrap(self.converted()?.into()),
            DType::Int32 => i32::wrap(self.converted()?.into()),
            DType::Int64 => i64::wrap(self.converted()?.into()),
            DType::Uint8 => u8::wrap(self.converted()?.into()),
            DType::Uint16 => u16::wrap(self.converted()?.into()),
            DType::Uint32 => u32::wrap(self.converted()?.into()),
            DType::Uint64 => u64::wrap(self.converted()?.into()),
            DType::Int4 => {
                let bytes = self.mapped(|wide| ((i8::from_wide(wide) << 4) >> 4).cast_unsigned())?;
                Elements::Int4(bytes.into_iter().map(u8::cast_signed).collect())
            }
            DType::Uint4 => Elements::Uint4(self.mapped(|wide| u8::from_wide(wide) & 15)?.into()),
            DType::Float8E4m3fn => {
                Elements::Float8E4m3fn(self.mapped(|wide| e4m3fn_bits(f64::from_wide(wide)))?.into())
            }
            DType::Float8E5m2 => {
                Elements::Float8E5m2(self.mapped(|wide| e5m2_bits(f64::from_wide(wide)))?.into())
            }
            DType::Float16 => Elements::Float16(self.converted()?.into()),
            DType::Bfloat16 => Elements::Bfloat16(self.converted()?.into()),
            DType::Float32 => f32::wrap(self.converted()?.into()),
            DType::Float64 => f64::wrap(self.converted()?.into()),
            DType::Complex64 => Elements::Complex64(match &self.elements {
                Elements::Complex128(v) => v.iter().map(|c| Complex::new(c.re as f32, c.im as f32)).collect(),
                _ => self.converted::<f32>()?.into_iter().map(|x| Complex::new(x, 0.0)).collect(),
            }),
            DType::Complex128 => Elements::Complex128(match &self.elements {
                Elements::Complex64(v) => v.iter().map(|c| Complex::new(c.re.into(), c.im.into())).collect(),
                _ => self.converted::<f64>()?.into_iter().map(|x| Complex::new(x, 0.0)).collect(),
            }),
            DType::String | DType::Opaque(_) => {
                return Err(Error::unsupported(format!("a cast from {} to {dtype}", self.dtype())));
            }
        };
        Self::new(self.shape.clone(), elements)
    }

    /// The values of a real array as float64.
    pub fn to_f64s(&self) -> Result<Vec<f64>> {
        self.converted()
    }

    /// The values of a whole-number or bool array; `uint64` beyond the range wraps around.
    pub fn to_i64s(&self) -> Result<Vec<i64>> {
        let dtype = self.dtype();
        if !dtype.is_integer() && dtype != DType::Bool {
            return Err(Error::mismatch(format!("expected whole numbers, found {dtype}")));
        }
        self.converted()
    }

    /// The values of a whole-number or bool array, exactly.
    pub(crate) fn to_i128s(&self) -> Result<Vec<i128>> {
        if let Elements::Uint64(v) = &self.elements {
            return Ok(v.iter().map(|&x| x.into()).collect());
        }
        Ok(self.to_i64s()?.into_iter().map(i128::from).collect())
    }

    /// Whole numbers in a whole-number dtype, or bools; they wrap around.
    pub(crate) fn from_i128s(shape: Vec<usize>, values: Vec<i128>, dtype: DType) -> Result<Self> {
        // The low 64 bits are what a narrower number takes its own low bits from.
        let low: Vec<i64> = values.into_iter().map(|x| x as i64).collect();
        if dtype == DType::Bool {
            return Self::new(shape, Elements::Bool(low.into_iter().map(|x| u8::from(x != 0)).collect()));
        }
        Self::from_vec(shape, low)?.cast(dtype)
    }

    /// Every element in another type.
    fn converted<T: Number>(&self) -> Result<Vec<T>> {
        self.blocks(&mut |block, out: &mut Vec<T>| match block {
            Block::Ints(v) => out.extend(v.iter().map(|&x| T::from_wide(Wide::Int(x)))),
            Block::Uints(v) => out.extend(v.iter().map(|&x| T::from_wide(Wide::Uint(x)))),
            Block::Floats(v) => out.extend(v.iter().map(|&x| T::from_wide(Wide::Float(x)))),
        })
    }

    /// Every element as a function makes it of its value.
    fn mapped(&self, narrow: fn(Wide) -> u8) -> Result<Vec<u8>> {
        self.blocks(&mut |block, out: &mut Vec<u8>| match block {
            Block::Ints(v) => out.extend(v.iter().map(|&x| narrow(Wide::Int(x)))),
            Block::Uints(v) => out.extend(v.iter().map(|&x| narrow(Wide::Uint(x)))),
            Block::Floats(v) => out.extend(v.iter().map(|&x| narrow(Wide::Float(x)))),
        })
    }

    fn blocks<T>(&self, take: &mut dyn FnMut(&Block, &mut Vec<T>)) -> Result<Vec<T>> {
        let mut out = Vec::with_capacity(self.len());
        let mut start = 0;
        while start < self.len() {
            let end = (start + BLOCK).min(self.len());
            take(&self.widened(start, end)?, &mut out);
            start = end;
        }
        Ok(out)
    }

    /// Some elements in a wide type.
    fn widened(&self, start: usize, end: usize) -> Result<Block> {
        macro_rules! each {
            ($block:ident, $v:expr, $widen:expr) => {
                Block::$block($v[start..end].iter().map($widen).collect())
            };
        }
        Ok(match &self.elements {
            Elements::Bool(v) | Elements::Uint8(v) | Elements::Uint4(v) => each!(Ints, v, |&x| x.into()),
            Elements::Int8(v) | Elements::Int4(v) => each!(Ints, v, |&x| x.into()),
            Elements::Int16(v) => each!(Ints, v, |&x| x.into()),
            Elements::Int32(v) => each!(Ints, v, |&x| x.into()),
            Elements::Int64(v) => each!(Ints, v, |&x| x),
            Elements::Uint16(v) => each!(Ints, v, |&x| x.into()),
            Elements::Uint32(v) => each!(Ints, v, |&x| x.into()),
            Elements::Uint64(v) => each!(Uints, v, |&x| x),
            Elements::Float8E4m3fn(v) => each!(Floats, v, |&bits| F8E4M3::from_bits(bits).to_f64()),
            Elements::Float8E5m2(v) => each!(Floats, v, |&bits| F8E5M2::from_bits(bits).to_f64()),
            Elements::Float16(v) => each!(Floats, v, |&x| x.into()),
            Elements::Bfloat16(v) => each!(Floats, v, |&x| x.into()),
            Elements::Float32(v) => each!(Floats, v, |&x| x.into()),
            Elements::Float64(v) => each!(Floats, v, |&x| x),
            Elements::Complex64(v) => each!(Floats, v, |x| x.re.into()),
            Elements::Complex128(v) => each!(Floats, v, |x| x.re),
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

/// The bits of the nearest 5 exponent, 2 mantissa float; beyond the largest is infinity, as `ml_dtypes` rounds.
fn e5m2_bits(value: f64) -> u8 {
    // 61440 lies half way between the largest number, 57344, and what would be the next, which is even.
    let sign = if value.is_sign_negative() { 0x80 } else { 0 };
    if value.is_nan() {
        return sign | 0x7e;
    }
    if value.abs() >= 61_440.0 {
        return sign | 0x7c;
    }
    F8E5M2::from_f64(value).to_bits()
}
