//! `Elements`: the typed elements of an array, and `Element`, the types they can have.

use std::sync::Arc;

use bytemuck::{AnyBitPattern, NoUninit};
use half::{bf16, f16};
use num_complex::Complex;

use super::Buffer;
use crate::DType;

/// The elements of an array in C order.
#[derive(Clone, Debug)]
pub enum Elements {
    /// 0 or 1.
    Bool(Buffer<u8>),
    /// Signed 8 bits.
    Int8(Buffer<i8>),
    /// Signed 16 bits.
    Int16(Buffer<i16>),
    /// Signed 32 bits.
    Int32(Buffer<i32>),
    /// Signed 64 bits.
    Int64(Buffer<i64>),
    /// Unsigned 8 bits.
    Uint8(Buffer<u8>),
    /// Unsigned 16 bits.
    Uint16(Buffer<u16>),
    /// Unsigned 32 bits.
    Uint32(Buffer<u32>),
    /// Unsigned 64 bits.
    Uint64(Buffer<u64>),
    /// -8 to 7, one a byte.
    Int4(Buffer<i8>),
    /// 0 to 15, one a byte.
    Uint4(Buffer<u8>),
    /// Bits of 4 exponent, 3 mantissa floats.
    Float8E4m3fn(Buffer<u8>),
    /// Bits of 5 exponent, 2 mantissa floats.
    Float8E5m2(Buffer<u8>),
    /// IEEE half.
    Float16(Buffer<f16>),
    /// Upper half of a float32.
    Bfloat16(Buffer<bf16>),
    /// IEEE single.
    Float32(Buffer<f32>),
    /// IEEE double.
    Float64(Buffer<f64>),
    /// Pairs of float32.
    Complex64(Buffer<Complex<f32>>),
    /// Pairs of float64.
    Complex128(Buffer<Complex<f64>>),
    /// Text or bytes.
    Strings(Arc<Vec<Vec<u8>>>),
}

/// Evaluates an expression for whichever variant it is, with the elements as a slice.
#[macro_export]
macro_rules! with_elements {
    ($elements:expr, $slice:ident => $body:expr) => {
        $crate::with_elements!(@arms $elements, $slice => $body;
            Bool Int8 Int16 Int32 Int64 Uint8 Uint16 Uint32 Uint64 Int4 Uint4 Float8E4m3fn Float8E5m2
            Float16 Bfloat16 Float32 Float64 Complex64 Complex128)
    };
    (@arms $elements:expr, $slice:ident => $body:expr; $($variant:ident)*) => {
        match $elements {
            $($crate::array::Elements::$variant(buffer) => { let $slice = &buffer[..]; $body })*
            $crate::array::Elements::Strings(strings) => { let $slice = &strings[..]; $body }
        }
    };
}

/// Makes elements of the same variant from an expression over the slice that gives a `Vec`.
#[macro_export]
macro_rules! map_elements {
    ($elements:expr, $slice:ident => $body:expr) => {
        $crate::map_elements!(@arms $elements, $slice => $body;
            Bool Int8 Int16 Int32 Int64 Uint8 Uint16 Uint32 Uint64 Int4 Uint4 Float8E4m3fn Float8E5m2
            Float16 Bfloat16 Float32 Float64 Complex64 Complex128)
    };
    (@arms $elements:expr, $slice:ident => $body:expr; $($variant:ident)*) => {
        match $elements {
            $($crate::array::Elements::$variant(buffer) => {
                let $slice = &buffer[..];
                $crate::array::Elements::$variant($crate::array::Buffer::from($body))
            })*
            $crate::array::Elements::Strings(strings) => {
                let $slice = &strings[..];
                $crate::array::Elements::Strings(std::sync::Arc::new($body))
            }
        }
    };
}

impl Elements {
    /// Their type.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::Int8(_) => DType::Int8,
            Self::Int16(_) => DType::Int16,
            Self::Int32(_) => DType::Int32,
            Self::Int64(_) => DType::Int64,
            Self::Uint8(_) => DType::Uint8,
            Self::Uint16(_) => DType::Uint16,
            Self::Uint32(_) => DType::Uint32,
            Self::Uint64(_) => DType::Uint64,
            Self::Int4(_) => DType::Int4,
            Self::Uint4(_) => DType::Uint4,
            Self::Float8E4m3fn(_) => DType::Float8E4m3fn,
            Self::Float8E5m2(_) => DType::Float8E5m2,
            Self::Float16(_) => DType::Float16,
            Self::Bfloat16(_) => DType::Bfloat16,
            Self::Float32(_) => DType::Float32,
            Self::Float64(_) => DType::Float64,
            Self::Complex64(_) => DType::Complex64,
            Self::Complex128(_) => DType::Complex128,
            Self::Strings(_) => DType::String,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        with_elements!(self, slice => slice.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A Rust type that stands for one dtype.
pub trait Element: AnyBitPattern + NoUninit + PartialEq + Default + Send + Sync + 'static {
    /// The dtype.
    const DTYPE: DType;

    /// The elements when they have this type.
    fn of(elements: &Elements) -> Option<&Buffer<Self>>;

    /// Elements of this type.
    fn wrap(buffer: Buffer<Self>) -> Elements;
}

macro_rules! element {
    ($($type:ty => $variant:ident,)*) => { $(
        impl Element for $type {
            const DTYPE: DType = DType::$variant;

            fn of(elements: &Elements) -> Option<&Buffer<Self>> {
                match elements {
                    Elements::$variant(buffer) => Some(buffer),
                    _ => None,
                }
            }

            fn wrap(buffer: Buffer<Self>) -> Elements {
                Elements::$variant(buffer)
            }
        }
    )* };
}

element! {
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
    u8 => Uint8,
    u16 => Uint16,
    u32 => Uint32,
    u64 => Uint64,
    f16 => Float16,
    bf16 => Bfloat16,
    f32 => Float32,
    f64 => Float64,
    Complex<f32> => Complex64,
    Complex<f64> => Complex128,
}
