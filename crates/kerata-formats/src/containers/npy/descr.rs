//! `Descr`: NumPy's code for the type of an element.

use kerata_core::{DType, Error, Result, Variable};

use super::TextKind;

/// Codes of numbers, without the sign of their byte order.
const CODES: &[(DType, &str)] = &[
    (DType::Bool, "b1"),
    (DType::Int8, "i1"),
    (DType::Int16, "i2"),
    (DType::Int32, "i4"),
    (DType::Int64, "i8"),
    (DType::Uint8, "u1"),
    (DType::Uint16, "u2"),
    (DType::Uint32, "u4"),
    (DType::Uint64, "u8"),
    (DType::Float16, "f2"),
    (DType::Float32, "f4"),
    (DType::Float64, "f8"),
    (DType::Complex64, "c8"),
    (DType::Complex128, "c16"),
];

/// Type of the elements of a file.
#[derive(Clone, Debug)]
pub(super) struct Descr {
    pub(super) element: Element,
    /// Whether the high byte comes first.
    pub(super) is_swapped: bool,
    /// Bytes of one element.
    pub(super) size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Element {
    Number(DType),
    Unicode,
    Bytes,
}

impl Descr {
    /// Reads a code like `<f4`.
    pub(super) fn parse(code: &str) -> Result<Self> {
        let unknown = || Error::unsupported(format!("a NumPy array of type `{code}`"));
        let (is_swapped, rest) = match code.split_at_checked(1) {
            Some(("<" | "|" | "=", rest)) => (false, rest),
            Some((">", rest)) => (true, rest),
            _ => (false, code),
        };
        if rest.starts_with('O') {
            return Err(Error::untrusted(
                "an array of Python objects is a pickle, which runs code when it is loaded",
            )
            .hint("save plain arrays: numpy.savez with numbers or strings only"));
        }
        if let Some((dtype, _)) = CODES.iter().find(|(_, known)| *known == rest) {
            let size = dtype.size().unwrap_or(1);
            return Ok(Self {
                element: Element::Number(*dtype),
                is_swapped: is_swapped && size > 1,
                size: size as u64,
            });
        }
        let (kind, count) = rest.split_at_checked(1).ok_or_else(unknown)?;
        let count: u64 = count.parse().map_err(|_| unknown())?;
        match kind {
            "U" => {
                let size = count.checked_mul(4).ok_or_else(unknown)?;
                Ok(Self { element: Element::Unicode, is_swapped, size })
            }
            "S" | "a" => Ok(Self { element: Element::Bytes, is_swapped: false, size: count }),
            "V" if count > 0 => {
                let size = u16::try_from(count).map_err(|_| unknown())?;
                Ok(Self { element: Element::Number(DType::Opaque(size)), is_swapped: false, size: count })
            }
            _ => Err(unknown()),
        }
    }

    /// The type that a variable is written as.
    pub(super) fn of(variable: &Variable, text: TextKind) -> Result<Self> {
        let Some(strings) = variable.data.as_strings() else {
            let size = variable.dtype.size().ok_or_else(|| Error::internal("strings without elements"))?;
            return Ok(Self {
                element: Element::Number(variable.dtype),
                is_swapped: false,
                size: size as u64,
            });
        };
        let as_text: Option<Vec<&str>> =
            strings.iter().map(|element| std::str::from_utf8(element).ok()).collect();
        if let (TextKind::Unicode, Some(texts)) = (text, as_text) {
            let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
            return Ok(Self { element: Element::Unicode, is_swapped: false, size: 4 * longest as u64 });
        }
        let longest = strings.iter().map(Vec::len).max().unwrap_or(0).max(1);
        Ok(Self { element: Element::Bytes, is_swapped: false, size: longest as u64 })
    }

    /// The code, little-endian.
    pub(super) fn code(&self) -> String {
        match self.element {
            Element::Unicode => format!("<U{}", self.size / 4),
            Element::Bytes => format!("|S{}", self.size),
            Element::Number(dtype) => match code(dtype) {
                Some(code) if self.size == 1 => format!("|{code}"),
                Some(code) => format!("<{code}"),
                None => format!("|V{}", self.size),
            },
        }
    }

    /// Bytes that are turned together: a character, a number, half a complex number.
    pub(super) fn swap_bytes(&self) -> usize {
        match self.element {
            Element::Unicode => 4,
            Element::Number(DType::Complex64 | DType::Complex128) => (self.size / 2) as usize,
            _ => (self.size as usize).max(1),
        }
    }
}

/// NumPy's code of a dtype, when it has one.
pub(super) fn code(dtype: DType) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == dtype).map(|(_, code)| *code)
}
