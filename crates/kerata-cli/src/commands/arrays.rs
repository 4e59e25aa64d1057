//! Arrays of a `.npz` file: shared by the commands that take inputs.

use std::path::Path;

use indexmap::IndexMap;
use kerata::formats::npz;
use kerata_core::array::Array;
use kerata_core::{Limits, Result, ResultExt, Variable};

/// The arrays of a file by their names.
pub fn read_arrays(path: &Path) -> Result<IndexMap<String, Array>> {
    let shown = || path.display().to_string();
    let input = kerata::input(path)?;
    let arrays = npz::read_arrays(input.require_source()?, &Limits::default()).at(shown)?;
    let array = |(name, variable): (String, Variable)| {
        let array = Array::from_variable(&variable).at(|| format!("array `{name}`")).at(shown)?;
        Ok((name, array))
    };
    arrays.into_iter().map(array).collect()
}
