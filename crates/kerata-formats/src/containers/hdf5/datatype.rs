//! Datatypes: how one element is stored, and which `DType` that is.

use kerata_core::{DType, Error, Result};

use super::cursor::Cursor;

/// Types inside types (an enum of integers, a compound of floats, a string of characters).
const MAX_NESTING: usize = 4;

/// One element as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datatype {
    pub class: Class,
    /// Stored bytes of one element.
    pub size: u32,
}

/// The classes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Numbers; big-endian ones are swapped in groups of `swap` bytes (0: none).
    Number { dtype: DType, swap: u8 },
    /// Characters of fixed number, with how they are filled up.
    FixedText(Padding),
    /// A reference into the global heap: length, address, index.
    VariableText,
    /// Recognised, not supported; the word names it.
    Other(&'static str),
}

/// What fills a fixed-length string up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// The text ends at the first NUL.
    NulTerminated,
    /// NULs at the end.
    Nul,
    /// Spaces at the end.
    Space,
}

impl Datatype {
    pub fn read(mut cursor: Cursor<'_>) -> Result<Self> {
        Self::read_nested(&mut cursor, 0)
    }

    /// The dtype of a tensor of such elements.
    pub fn dtype(&self) -> Result<DType> {
        match self.class {
            Class::Number { dtype, .. } => Ok(dtype),
            Class::FixedText(_) | Class::VariableText => Ok(DType::String),
            Class::Other(name) => Err(Error::unsupported(format!("elements of type {name}"))),
        }
    }

    fn read_nested(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self> {
        if depth > MAX_NESTING {
            return Err(Error::limit("types nested too deeply"));
        }
        let first = cursor.u8()?;
        let (class, version) = (first & 15, first >> 4);
        if !(1..=5).contains(&version) {
            return Err(Error::unsupported(format!("datatype version {version}")));
        }
        let bits = cursor.uint(3)?;
        let size = cursor.u32()?;
        let class = match class {
            0 => integer(cursor, bits, size)?,
            1 => float(cursor, bits, size)?,
            2 => Class::Other("time"),
            3 => Class::FixedText(match bits & 15 {
                0 => Padding::NulTerminated,
                1 => Padding::Nul,
                2 => Padding::Space,
                _ => return Err(Error::corrupt("a string with unknown padding")),
            }),
            4 => Class::Other("bit field"),
            5 => u16::try_from(size).map_or(Class::Other("opaque of more than 65,535 bytes"), |size| {
                Class::Number { dtype: DType::Opaque(size), swap: 0 }
            }),
            6 => compound(cursor, version, bits, size, depth)?,
            7 => Class::Other("reference"),
            8 => enumeration(cursor, version, bits, depth)?,
            9 if bits & 15 == 1 => Class::VariableText,
            9 => Class::Other("variable-length sequence"),
            10 => Class::Other("array"),
            11 => Class::Other("complex of HDF5 2"),
            other => return Err(Error::unsupported(format!("datatype class {other}"))),
        };
        if size == 0 && !matches!(class, Class::Other(_)) {
            return Err(Error::corrupt("elements of no bytes"));
        }
        Ok(Self { class, size })
    }
}

fn integer(cursor: &mut Cursor<'_>, bits: u64, size: u32) -> Result<Class> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    let dtype = match (size, bits & 8 != 0) {
        (1, true) => DType::Int8,
        (2, true) => DType::Int16,
        (4, true) => DType::Int32,
        (8, true) => DType::Int64,
        (1, false) => DType::Uint8,
        (2, false) => DType::Uint16,
        (4, false) => DType::Uint32,
        (8, false) => DType::Uint64,
        _ => return Ok(Class::Other("integer of unusual size")),
    };
    if offset != 0 || u32::from(precision) != 8 * size {
        return Ok(Class::Other("integer of unusual precision"));
    }
    Ok(Class::Number { dtype, swap: if bits & 1 != 0 { swap_width(size) } else { 0 } })
}

fn float(cursor: &mut Cursor<'_>, bits: u64, size: u32) -> Result<Class> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    let exponent = (cursor.u8()?, cursor.u8()?);
    let mantissa = (cursor.u8()?, cursor.u8()?);
    let bias = cursor.u32()?;
    let sign = (bits >> 8) & 0xff;
    let implied_one = bits & 0x30 == 0x20;
    let dtype = match (size, exponent, mantissa, bias) {
        (2, (10, 5), (0, 10), 15) => DType::Float16,
        (2, (7, 8), (0, 7), 127) => DType::Bfloat16,
        (4, (23, 8), (0, 23), 127) => DType::Float32,
        (8, (52, 11), (0, 52), 1023) => DType::Float64,
        (1, (3, 4), (0, 3), 7) => DType::Float8E4m3fn,
        (1, (2, 5), (0, 2), 15) => DType::Float8E5m2,
        _ => return Ok(Class::Other("floating point of unusual layout")),
    };
    let usual =
        offset == 0 && u32::from(precision) == 8 * size && implied_one && sign + 1 == u64::from(8 * size);
    match bits & 0x41 {
        _ if !usual => Ok(Class::Other("floating point of unusual layout")),
        0 => Ok(Class::Number { dtype, swap: 0 }),
        1 => Ok(Class::Number { dtype, swap: swap_width(size) }),
        _ => Ok(Class::Other("floating point in VAX order")),
    }
}

/// A pair of floats `r` and `i`, as h5py stores complex numbers.
fn compound(cursor: &mut Cursor<'_>, version: u8, bits: u64, size: u32, depth: usize) -> Result<Class> {
    if bits & 0xffff != 2 {
        return Ok(Class::Other("compound"));
    }
    let mut members = [None; 2];
    for (position, member) in members.iter_mut().enumerate() {
        let name = member_name(cursor, version)?;
        let offset = match version {
            1 | 2 => u64::from(cursor.u32()?),
            _ => cursor.uint((size.max(1).ilog2() / 8 + 1) as usize)?,
        };
        if version == 1 {
            // Dimensionality, permutation and four sizes: only scalars are meant here.
            if cursor.u8()? != 0 {
                return Ok(Class::Other("compound"));
            }
            cursor.skip(27)?;
        }
        let element = Datatype::read_nested(cursor, depth + 1)?;
        let right_name = name == if position == 0 { b"r" } else { b"i" };
        if right_name
            && offset == position as u64 * u64::from(element.size)
            && element.size.checked_mul(2) == Some(size)
        {
            *member = Some(element.class);
        }
    }
    let dtype = match members {
        [Some(Class::Number { dtype, swap }), Some(other)] if other == (Class::Number { dtype, swap }) => {
            match dtype {
                DType::Float32 => Some((DType::Complex64, swap)),
                DType::Float64 => Some((DType::Complex128, swap)),
                _ => None,
            }
        }
        _ => None,
    };
    Ok(dtype.map_or(Class::Other("compound"), |(dtype, swap)| Class::Number { dtype, swap }))
}

/// Booleans are an enum of `FALSE` and `TRUE`; every other enum is read as its integers.
fn enumeration(cursor: &mut Cursor<'_>, version: u8, bits: u64, depth: usize) -> Result<Class> {
    let base = Datatype::read_nested(cursor, depth + 1)?;
    let Class::Number { dtype, swap: _ } = base.class else {
        return Ok(Class::Other("enum"));
    };
    if bits & 0xffff == 2 && dtype.size() == Some(1) {
        let names = (member_name(cursor, version)?, member_name(cursor, version)?);
        let values = (cursor.u8()?, cursor.u8()?);
        if names == (b"FALSE", b"TRUE") && values == (0, 1) {
            return Ok(Class::Number { dtype: DType::Bool, swap: 0 });
        }
    }
    Ok(base.class)
}

fn member_name<'a>(cursor: &mut Cursor<'a>, version: u8) -> Result<&'a [u8]> {
    let start = cursor.position();
    let name = cursor.until_nul()?;
    if version < 3 {
        let used = cursor.position() - start;
        cursor.skip(used.next_multiple_of(8) - used)?;
    }
    Ok(name)
}

fn swap_width(size: u32) -> u8 {
    if size == 1 { 0 } else { size.to_le_bytes()[0] }
}
