//! Python numbers beside tensors: they take the tensor's dtype where it can hold them.

use crate::array::Array;
use crate::graph::Tensor;
use crate::{DType, Result, ops};

/// A Python number: weakly typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
}

impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Scalar {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl Scalar {
    /// The dtype in which it meets a tensor of a dtype.
    pub fn dtype_beside(self, dtype: DType) -> DType {
        match self {
            Self::Int(_) if dtype == DType::Bool => DType::Int32,
            Self::Float(_) if dtype == DType::Bool || dtype.is_integer() => DType::Float32,
            _ => dtype,
        }
    }

    /// The number as an array without axes.
    pub fn to_array(self, dtype: DType) -> Result<Array> {
        match self {
            Self::Int(value) => Array::scalar(value).cast(dtype),
            Self::Float(value) => Array::scalar(value).cast(dtype),
        }
    }
}

/// A number as a constant beside a tensor, in the dtype in which both meet.
pub fn scalar(like: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
    let value = value.into();
    Ok(like.builder().constant(value.to_array(value.dtype_beside(like.dtype()))?))
}

/// A tensor plus a number.
pub fn plus(x: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
    ops::add(x, &scalar(x, value)?)
}

/// A tensor times a number.
pub fn times(x: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
    ops::multiply(x, &scalar(x, value)?)
}

/// One minus a tensor.
pub fn one_minus(x: &Tensor) -> Result<Tensor> {
    ops::subtract(&scalar(x, 1)?, x)
}
