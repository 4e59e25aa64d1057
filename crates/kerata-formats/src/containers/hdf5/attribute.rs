//! Attributes: small named values of groups and datasets.

use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::{DType, Shape};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// One string.
    Text(String),
    /// Strings on one axis (other shapes are read flat).
    Texts(Vec<String>),
    /// One string that is not UTF-8 or has a NUL inside, or opaque bytes.
    Bytes(Vec<u8>),
    /// Numbers.
    Array {
        /// Element type.
        dtype: DType,
        /// Axes; none for a scalar.
        shape: Shape,
        /// Little-endian elements.
        bytes: Vec<u8>,
    },
    /// A null dataspace: no value at all.
    Empty,
    /// Something that is not read; the text names it.
    Unsupported(String),
}

impl Attribute {
    /// A scalar of 64 bits.
    pub fn int(value: i64) -> Self {
        Self::Array { dtype: DType::Int64, shape: Shape::scalar(), bytes: value.to_le_bytes().to_vec() }
    }

    /// A scalar of 64 bits.
    pub fn float(value: f64) -> Self {
        Self::Array { dtype: DType::Float64, shape: Shape::scalar(), bytes: value.to_le_bytes().to_vec() }
    }

    /// What h5py writes for an empty list: no float64s on one axis.
    pub fn empty_list() -> Self {
        Self::Array { dtype: DType::Float64, shape: Shape::known([0]), bytes: Vec::new() }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The strings, if they are; an array without elements counts as none, since h5py writes empty lists so.
    pub fn as_texts(&self) -> Option<&[String]> {
        match self {
            Self::Texts(texts) => Some(texts),
            Self::Array { bytes, .. } if bytes.is_empty() => Some(&[]),
            _ => None,
        }
    }

    /// The numbers as whole numbers, if they are such.
    pub fn to_ints(&self) -> Option<Vec<i64>> {
        let Self::Array { dtype, bytes, .. } = self else { return None };
        let signed = match dtype {
            DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64 => true,
            DType::Bool | DType::Uint8 | DType::Uint16 | DType::Uint32 | DType::Uint64 => false,
            _ => return None,
        };
        let int = |element: &[u8]| {
            let negative = signed && element.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut wide = [if negative { 0xff } else { 0 }; 8];
            wide.get_mut(..element.len())?.copy_from_slice(element);
            let value = i64::from_le_bytes(wide);
            Some(value).filter(|value| signed || *value >= 0)
        };
        bytes.chunks_exact(dtype.size()?).map(int).collect()
    }

    /// The numbers as floats, if they are float32 or float64.
    pub fn to_floats(&self) -> Option<Vec<f64>> {
        let Self::Array { dtype, bytes, .. } = self else { return None };
        match dtype {
            DType::Float32 => {
                Some(bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect())
            }
            DType::Float64 => Some(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
            _ => None,
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<String>> for Attribute {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

/// The attributes of one object, sorted by name; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Option<Arc<IndexMap<String, Attribute>>>);

impl Attributes {
    /// No attributes.
    pub(super) const NONE: Self = Self(None);

    pub(super) fn new(mut map: IndexMap<String, Attribute>) -> Self {
        if map.is_empty() {
            return Self::NONE;
        }
        map.sort_unstable_keys();
        Self(Some(Arc::new(map)))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.as_ref()?.get(name)
    }

    /// The string of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// The strings of this name.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        self.get(name)?.as_texts()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(name, value)| (name.as_str(), value))
    }

    /// Number of attributes.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
