//! `DType`: the element types of tensors.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Element type of a tensor. Names are Keras's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DType {
    /// One byte, 0 or 1.
    Bool,
    /// Signed 8 bits.
    Int8,
    /// Signed 16 bits.
    Int16,
    /// Signed 32 bits.
    Int32,
    /// Signed 64 bits.
    Int64,
    /// Unsigned 8 bits.
    Uint8,
    /// Unsigned 16 bits.
    Uint16,
    /// Unsigned 32 bits.
    Uint32,
    /// Unsigned 64 bits.
    Uint64,
    /// Signed 4 bits, one element a byte (as `ml_dtypes.int4` stores it).
    Int4,
    /// Unsigned 4 bits, one element a byte.
    Uint4,
    /// 8 bits, 4 exponent and 3 mantissa, no infinities.
    Float8E4m3fn,
    /// 8 bits, 5 exponent and 2 mantissa.
    Float8E5m2,
    /// IEEE half.
    Float16,
    /// Upper half of a float32.
    Bfloat16,
    /// IEEE single.
    Float32,
    /// IEEE double.
    Float64,
    /// Two float32: real, imaginary.
    Complex64,
    /// Two float64: real, imaginary.
    Complex128,
    /// Text or bytes of any length.
    String,
    /// Bytes whose meaning a file does not say (HDF5 opaque without a tag), of this many bytes.
    Opaque(u16),
}

/// Every dtype with a fixed name, in the order of the enum.
pub const DTYPES: &[(DType, &str, usize)] = &[
    (DType::Bool, "bool", 1),
    (DType::Int8, "int8", 1),
    (DType::Int16, "int16", 2),
    (DType::Int32, "int32", 4),
    (DType::Int64, "int64", 8),
    (DType::Uint8, "uint8", 1),
    (DType::Uint16, "uint16", 2),
    (DType::Uint32, "uint32", 4),
    (DType::Uint64, "uint64", 8),
    (DType::Int4, "int4", 1),
    (DType::Uint4, "uint4", 1),
    (DType::Float8E4m3fn, "float8_e4m3fn", 1),
    (DType::Float8E5m2, "float8_e5m2", 1),
    (DType::Float16, "float16", 2),
    (DType::Bfloat16, "bfloat16", 2),
    (DType::Float32, "float32", 4),
    (DType::Float64, "float64", 8),
    (DType::Complex64, "complex64", 8),
    (DType::Complex128, "complex128", 16),
    (DType::String, "string", 0),
];

impl DType {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        DTYPES.iter().find(|entry| entry.0 == self).map_or("opaque", |entry| entry.1)
    }

    /// Bytes of one element; `None` for strings.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::String => None,
            Self::Opaque(size) => Some(usize::from(size)),
            _ => DTYPES.iter().find(|entry| entry.0 == self).map(|entry| entry.2),
        }
    }

    /// Whether elements are real floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            Self::Float8E4m3fn
                | Self::Float8E5m2
                | Self::Float16
                | Self::Bfloat16
                | Self::Float32
                | Self::Float64
        )
    }

    /// Whether elements are whole numbers (not bool).
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Int8
                | Self::Int16
                | Self::Int32
                | Self::Int64
                | Self::Uint8
                | Self::Uint16
                | Self::Uint32
                | Self::Uint64
                | Self::Int4
                | Self::Uint4
        )
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque(size) => write!(f, "opaque{size}"),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for DType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        DTYPES
            .iter()
            .find(|entry| entry.1 == name)
            .map(|entry| entry.0)
            .ok_or_else(|| Error::unsupported(format!("unknown dtype `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for (dtype, name, _) in DTYPES {
            assert_eq!(name.parse::<DType>().unwrap(), *dtype);
            assert_eq!(dtype.to_string(), *name);
        }
        assert_eq!("float23".parse::<DType>().unwrap_err().kind(), crate::ErrorKind::Unsupported);
    }
}
