//! `lookup`: keys replaced by their values.

use std::collections::HashMap;
use std::hash::Hash;

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// For each element of the first input, the element of the third that stands where the second, a vector of keys, holds
    /// it; the fourth, a scalar, where it does not. Of equal keys the last counts.
    pub struct Lookup("lookup") {}
}

/// Keys replaced by their values, others by a default.
pub fn lookup(x: &Tensor, keys: &Tensor, values: &Tensor, default: &Tensor) -> Result<Tensor> {
    let inputs = [x.clone(), keys.clone(), values.clone(), default.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(Lookup {}, &inputs)
}

/// For each element its place among the keys; the number of keys where it is not.
fn places<T: Hash + Eq>(elements: &[T], keys: &[T]) -> Vec<usize> {
    let table: HashMap<&T, usize> = keys.iter().enumerate().map(|(place, key)| (key, place)).collect();
    elements.iter().map(|element| table.get(element).copied().unwrap_or(keys.len())).collect()
}

impl Op for Lookup {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, keys, values, default] = inputs.exactly()?;
        let is_key = x.dtype == DType::String || x.dtype.is_integer();
        let fits = x.dtype == keys.dtype
            && keys.rank() == 1
            && values.rank() == 1
            && values.dtype == default.dtype
            && default.rank() == 0
            && keys.size(0).zip(values.size(0)).is_none_or(|(keys, values)| keys == values);
        if !is_key || !fits {
            return Err(Error::mismatch(format!("{x} looked up among {keys}, values {values}, else {default}")));
        }
        Ok(vec![x.with_dtype(values.dtype)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, keys, values, default] = inputs.exactly()?;
        self.spec(&[x.spec(), keys.spec(), values.spec(), default.spec()])?;
        let places = match x.dtype() {
            DType::String => places(x.as_strings()?, keys.as_strings()?),
            _ => places(&x.to_i64s()?, &keys.to_i64s()?),
        };
        let all = Array::join(&[values, &default.reshape([1])?], 0)?;
        Ok(vec![all.take_runs(&places, 1, x.shape())?])
    }
}
