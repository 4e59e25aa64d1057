//! `string_length`: the length of strings.

use crate::Result;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};

op! {
    /// The length of strings, as int32.
    pub struct StringLength("string_length") {
        /// Whether characters of UTF-8 text are counted, else bytes.
        pub unicode: bool,
    }
}

/// The length of strings in bytes, or in characters of UTF-8 text.
pub fn string_length(x: &Tensor, unicode: bool) -> Result<Tensor> {
    x.apply(StringLength { unicode })
}

impl Op for StringLength {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        super::strings::check(x)?;
        Ok(vec![x.with_dtype(crate::DType::Int32)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let length = |text: &Vec<u8>| {
            // Bytes that begin with 10 go on with a character.
            let counted = |byte: &&u8| !self.unicode || **byte & 0xc0 != 0x80;
            text.iter().filter(counted).count() as i32
        };
        Ok(vec![Array::from_vec(x.shape(), x.as_strings()?.iter().map(length).collect())?])
    }
}
