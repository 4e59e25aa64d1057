//! `Arrays`: inputs or targets, in order or by name.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Error, Result};

/// Arrays by name, or under names such as `in_0` and `out_0`.
pub type Named = IndexMap<String, Array>;

/// Inputs, targets or weights: in the order of the model, or by name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Arrays {
    /// In the order of the model.
    Ordered(Vec<Array>),
    /// By name of the input or output, or as `in_0`, `out_0`, ...; a single one may have any name.
    Named(Named),
}

impl Arrays {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Ordered(arrays) => arrays.len(),
            Self::Named(arrays) => arrays.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in the order given.
    pub(super) fn all(&self) -> Vec<Array> {
        match self {
            Self::Ordered(arrays) => arrays.clone(),
            Self::Named(arrays) => arrays.values().cloned().collect(),
        }
    }

    /// The arrays in the order of names; `prefix_0`, ... stand for them by number.
    pub(super) fn arrange(&self, names: &[&str], prefix: &str) -> Result<Vec<Array>> {
        let named = match self {
            Self::Named(named) if named.len() != 1 || names.len() != 1 => named,
            _ if self.len() == names.len() => return Ok(self.all()),
            _ => {
                let (expected, found) = (names.len(), self.len());
                let message = format!("expected {expected} arrays, found {found}");
                return Err(Error::mismatch(message).hint(format!("they are: {}", names.join(", "))));
            }
        };
        let find = |(position, name): (usize, &&str)| {
            let numbered = format!("{prefix}_{position}");
            let found = named.get(*name).or_else(|| named.get(&numbered));
            found.cloned().ok_or_else(|| {
                let given: Vec<&str> = named.keys().map(String::as_str).collect();
                Error::not_found(format!("`{name}` (or `{numbered}`) is missing"))
                    .hint(format!("given are: {}", given.join(", ")))
            })
        };
        names.iter().enumerate().map(find).collect()
    }
}

impl From<&Arrays> for Arrays {
    fn from(arrays: &Arrays) -> Self {
        arrays.clone()
    }
}

impl From<Array> for Arrays {
    fn from(array: Array) -> Self {
        Self::Ordered(vec![array])
    }
}

impl From<&Array> for Arrays {
    fn from(array: &Array) -> Self {
        array.clone().into()
    }
}

impl From<Vec<Array>> for Arrays {
    fn from(arrays: Vec<Array>) -> Self {
        Self::Ordered(arrays)
    }
}

impl From<&[Array]> for Arrays {
    fn from(arrays: &[Array]) -> Self {
        Self::Ordered(arrays.to_vec())
    }
}

impl<const N: usize> From<[&Array; N]> for Arrays {
    fn from(arrays: [&Array; N]) -> Self {
        Self::Ordered(arrays.into_iter().cloned().collect())
    }
}

impl<const N: usize> From<[(&str, &Array); N]> for Arrays {
    fn from(arrays: [(&str, &Array); N]) -> Self {
        Self::Named(arrays.into_iter().map(|(name, array)| (name.to_owned(), array.clone())).collect())
    }
}

impl From<Named> for Arrays {
    fn from(arrays: Named) -> Self {
        Self::Named(arrays)
    }
}

impl From<&Named> for Arrays {
    fn from(arrays: &Named) -> Self {
        Self::Named(arrays.clone())
    }
}
