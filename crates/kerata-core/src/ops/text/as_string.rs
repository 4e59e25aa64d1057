//! `as_string`: numbers written as text.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// Numbers written as text: whole numbers in decimal, floats with six digits behind the point, bools as words.
    pub struct AsString("as_string") {}
}

/// Numbers written as text; strings stay.
pub fn as_string(x: &Tensor) -> Result<Tensor> {
    if x.dtype() == DType::String { Ok(x.clone()) } else { x.apply(AsString {}) }
}

impl Op for AsString {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let is_real = x.dtype.is_integer() || x.dtype.is_float() || x.dtype == DType::Bool;
        if !is_real {
            return Err(Error::mismatch(format!("{x} as text")));
        }
        Ok(vec![x.with_dtype(DType::String)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let texts: Vec<String> = match x.dtype() {
            DType::Bool => x.as_bools()?.iter().map(|&x| (x != 0).to_string()).collect(),
            dtype if dtype.is_integer() => x.to_i128s()?.into_iter().map(|x| x.to_string()).collect(),
            _ => x.to_f64s()?.into_iter().map(float_text).collect(),
        };
        Ok(vec![Array::from_strings(x.shape(), texts.into_iter().map(String::into_bytes).collect())?])
    }
}

fn float_text(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    format!("{x:.6}")
}
