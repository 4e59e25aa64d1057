//! `string_case`: letters made small or large.

use super::strings::{map, same_spec};
use crate::array::Array;
use crate::graph::{Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{Error, Result};

op! {
    /// Letters made small or large.
    pub struct StringCase("string_case") {
        /// Whether they are made large.
        pub upper: bool,
        /// Whether all letters of UTF-8 text are meant, not only those of ASCII.
        pub unicode: bool,
    }
}

/// Letters made small: of ASCII, or of all UTF-8 text.
pub fn string_lower(x: &Tensor, unicode: bool) -> Result<Tensor> {
    x.apply(StringCase { upper: false, unicode })
}

/// Letters made large: of ASCII, or of all UTF-8 text.
pub fn string_upper(x: &Tensor, unicode: bool) -> Result<Tensor> {
    x.apply(StringCase { upper: true, unicode })
}

impl Op for StringCase {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        same_spec(inputs)
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        if self.unicode && inputs.iter().filter_map(|x| x.as_strings().ok()).flatten().any(|x| std::str::from_utf8(x).is_err()) {
            return Err(Error::mismatch("a string is not UTF-8"));
        }
        map(inputs, |text| match (self.upper, self.unicode) {
            (false, false) => text.to_ascii_lowercase(),
            (true, false) => text.to_ascii_uppercase(),
            (false, true) => String::from_utf8_lossy(text).to_lowercase().into_bytes(),
            (true, true) => String::from_utf8_lossy(text).to_uppercase().into_bytes(),
        })
    }
}
