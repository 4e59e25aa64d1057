//! States of callbacks as trees: numbers that may be missing.

use kerata_core::{Error, Result, Tree};

/// A number or nothing.
pub(super) fn optional(value: Option<f64>) -> Tree {
    value.map_or(Tree::Null, Tree::Float)
}

pub(super) fn read_optional(state: &Tree, key: &str) -> Result<Option<f64>> {
    match state.require(key)? {
        Tree::Null => Ok(None),
        value => value.as_f64().map(Some).ok_or_else(|| Error::corrupt(format!("`{key}` is no number"))),
    }
}

pub(super) fn read_size(state: &Tree, key: &str) -> Result<usize> {
    let value = state.require(key)?.as_u64().and_then(|value| usize::try_from(value).ok());
    value.ok_or_else(|| Error::corrupt(format!("`{key}` is no whole number")))
}
