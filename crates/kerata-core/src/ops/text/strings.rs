//! What ops on strings share.

use crate::array::Array;
use crate::graph::{Inputs, TensorSpec};
use crate::{DType, Error, Result};

/// Fails unless a tensor holds strings.
pub fn check(x: &TensorSpec) -> Result<()> {
    if x.dtype == DType::String {
        Ok(())
    } else {
        Err(Error::mismatch(format!("expected strings, found {x}")))
    }
}

/// The spec of an op from strings to strings of the same shape.
pub fn same_spec(inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
    let x = inputs.only()?;
    check(x)?;
    Ok(vec![x.clone()])
}

/// Every string changed.
pub fn map(inputs: &[Array], change: impl Fn(&[u8]) -> Vec<u8>) -> Result<Vec<Array>> {
    let x = inputs.only()?;
    let changed = x.as_strings()?.iter().map(|text| change(text)).collect();
    Ok(vec![Array::from_strings(x.shape(), changed)?])
}
