//! `Tree`: a config tree, JSON as Keras writes it, kept without loss: key order, whole numbers apart from floats,
//! the tokens `NaN`, `Infinity` and `-Infinity`.

mod parse;
mod print;

use indexmap::IndexMap;

use crate::{Error, Limits, Result};

/// A JSON object with its keys in order.
pub type Object = IndexMap<String, Tree>;

/// Entries up to which looking at each is faster than hashing a key.
const SMALL: usize = 8;

/// A config tree.
#[derive(Debug, PartialEq, Default)]
pub enum Tree {
    /// `null`, Python's `None`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without point and exponent.
    Int(i128),
    /// Any other number; may be NaN or infinite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list (or what was a tuple).
    List(Vec<Tree>),
    /// An object.
    Object(Object),
}

/// A copy has room for no more entries than it has: configs are large, and seldom grow.
impl Clone for Tree {
    fn clone(&self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Bool(value) => Self::Bool(*value),
            Self::Int(value) => Self::Int(*value),
            Self::Float(value) => Self::Float(*value),
            Self::Text(text) => Self::Text(text.clone()),
            Self::List(items) => Self::List(items.clone()),
            Self::Object(entries) => {
                let mut copy = Object::with_capacity(entries.len());
                copy.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
                Self::Object(copy)
            }
        }
    }
}

impl Tree {
    /// Reads JSON as Python's `json` module writes it; depth and size are bounded by `limits`.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self> {
        parse::parse(text, limits)
    }

    /// Writes JSON as Python's `json.dumps` does: `", "` and `": "`, ASCII only, one line.
    pub fn to_json(&self) -> String {
        print::one_line(self)
    }

    /// Writes JSON with one entry a line, as `json.dumps(indent=N)` does.
    pub fn to_pretty_json(&self, indent: usize) -> String {
        print::indented(self, indent)
    }

    /// The entry of an object; `None` for a missing key and for anything but an object.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        let object = self.as_object()?;
        if object.len() <= SMALL {
            return object.iter().find(|(own, _)| *own == key).map(|(_, value)| value);
        }
        object.get(key)
    }

    /// The entry of an object, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        self.as_object_mut()?.get_mut(key)
    }

    /// The entry reached by several keys.
    pub fn path(&self, keys: &[&str]) -> Option<&Tree> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, when it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The whole number, when it fits and is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The number, whole or not.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Tree]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list, to change them.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Tree>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of an object, to change them.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The `class_name` of a serialized Keras object.
    pub fn class_name(&self) -> Option<&str> {
        self.get("class_name")?.as_str()
    }

    /// The entry of an object, or an error that names the key.
    pub fn require(&self, key: &str) -> Result<&Tree> {
        self.get(key).ok_or_else(|| Error::corrupt(format!("the config has no `{key}`")))
    }
}

impl From<bool> for Tree {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Tree {
    fn from(value: i64) -> Self {
        Self::Int(value.into())
    }
}

impl From<u64> for Tree {
    fn from(value: u64) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Tree {
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<f64> for Tree {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Tree {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Tree {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Tree>> From<Vec<T>> for Tree {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Tree>> From<Option<T>> for Tree {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Object> for Tree {
    fn from(entries: Object) -> Self {
        Self::Object(entries)
    }
}

impl<K: Into<String>, const N: usize> From<[(K, Tree); N]> for Tree {
    fn from(entries: [(K, Tree); N]) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}
