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

/// A function that moves elements about whatever they mean. Elements of the same width are handed over as the same type,
/// so that there is one copy of the code a width, not a dtype.
pub trait Movement {
    /// The result from the elements of each part.
    fn run<T: Clone>(&self, parts: &[&[T]]) -> Vec<T>;
}

/// Applies a macro to every variant with plain elements and the type of its width.
macro_rules! for_plain_elements {
    ($apply:ident) => {
        $apply! {
            Bool u8; Int8 u8; Uint8 u8; Int4 u8; Uint4 u8; Float8E4m3fn u8; Float8E5m2 u8;
            Int16 u16; Uint16 u16; Float16 u16; Bfloat16 u16;
            Int32 u32; Uint32 u32; Float32 u32;
            Int64 u64; Uint64 u64; Float64 u64;
            Complex64 [u32; 2]; Complex128 [u64; 2];
        }
    };
}

pub(super) use for_plain_elements;

/// Moves the elements of parts of one dtype.
pub(super) fn move_elements(movement: &impl Movement, parts: &[&Elements]) -> Elements {
    macro_rules! arms {
        ($($variant:ident $word:ty;)*) => {
            match parts.first() {
                $(Some(Elements::$variant(_)) => {
                    let words: Vec<&[$word]> = parts
                        .iter()
                        .filter_map(|part| match part {
                            Elements::$variant(buffer) => Some(bytemuck::cast_slice(&buffer[..])),
                            _ => None,
                        })
                        .collect();
                    Elements::$variant(Buffer::from(bytemuck::allocation::cast_vec(movement.run(&words))))
                })*
                Some(Elements::Strings(_)) | None => {
                    let strings: Vec<&[Vec<u8>]> = parts
                        .iter()
                        .filter_map(|part| match part {
                            Elements::Strings(strings) => Some(&strings[..]),
                            _ => None,
                        })
                        .collect();
                    Elements::Strings(Arc::new(movement.run(&strings)))
                }
            }
        };
    }
    for_plain_elements!(arms)
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
        macro_rules! arms {
            ($($variant:ident $word:ty;)*) => {
                match self {
                    $(Self::$variant(buffer) => buffer.len(),)*
                    Self::Strings(strings) => strings.len(),
                }
            };
        }
        for_plain_elements!(arms)
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
