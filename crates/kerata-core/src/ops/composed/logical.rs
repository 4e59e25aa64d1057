//! `logical_and`, `logical_or`, `logical_xor`, `logical_not`: composed of the bitwise ops on bools.

use crate::graph::Tensor;
use crate::ops::{self, cast};
use crate::{DType, Result};

/// Whether both are true.
pub fn logical_and(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::bitwise_and(&cast(a, DType::Bool)?, &cast(b, DType::Bool)?)
}

/// Whether one is true.
pub fn logical_or(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::bitwise_or(&cast(a, DType::Bool)?, &cast(b, DType::Bool)?)
}

/// Whether exactly one is true.
pub fn logical_xor(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::bitwise_xor(&cast(a, DType::Bool)?, &cast(b, DType::Bool)?)
}

/// Whether it is not true.
pub fn logical_not(x: &Tensor) -> Result<Tensor> {
    let x = cast(x, DType::Bool)?;
    ops::equal(&x, &x.builder().constant(crate::Array::from_bools([], vec![false])?))
}
