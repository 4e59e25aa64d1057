//! `to_number`: text read as numbers.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// Text read as numbers; white space around them is skipped, anything else is an error.
    pub struct ToNumber("to_number") {
        /// float32, float64, int32 or int64.
        pub dtype: DType,
    }
}

/// Text read as numbers.
pub fn to_number(x: &Tensor, dtype: DType) -> Result<Tensor> {
    x.apply(ToNumber { dtype })
}

impl Op for ToNumber {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        super::strings::check(x)?;
        if !matches!(self.dtype, DType::Float32 | DType::Float64 | DType::Int32 | DType::Int64) {
            return Err(Error::mismatch(format!("text as {}", self.dtype)));
        }
        Ok(vec![x.with_dtype(self.dtype)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let texts = x.as_strings()?.iter().map(|text| std::str::from_utf8(text).map_or("", str::trim));
        let bad = |text: &str| Error::mismatch(format!("`{text}` is no {}", self.dtype));
        let array = match self.dtype {
            DType::Int32 => Array::from_vec(x.shape(), read::<i32>(texts, bad)?)?,
            DType::Int64 => Array::from_vec(x.shape(), read::<i64>(texts, bad)?)?,
            DType::Float32 => Array::from_vec(x.shape(), read::<f32>(texts, bad)?)?,
            _ => Array::from_vec(x.shape(), read::<f64>(texts, bad)?)?,
        };
        Ok(vec![array])
    }
}

fn read<'a, T: std::str::FromStr>(
    texts: impl Iterator<Item = &'a str>,
    bad: impl Fn(&str) -> Error,
) -> Result<Vec<T>> {
    texts.map(|text| text.parse().map_err(|_| bad(text))).collect()
}
