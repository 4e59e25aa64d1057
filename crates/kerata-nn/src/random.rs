//! Random numbers from a seed tensor.

use kerata_core::graph::Tensor;
use kerata_core::ops::Size;
use kerata_core::{DType, Error, Result};

fn pending() -> Error {
    Error::unsupported("random numbers are not there yet")
}

/// Uniform random numbers from `low` to `high`.
pub(crate) fn uniform(_: &Tensor, _: Vec<Size>, _: f64, _: f64, _: DType) -> Result<Tensor> {
    Err(pending())
}

/// Normal random numbers.
pub(crate) fn normal(_: &Tensor, _: Vec<Size>, _: f64, _: f64, _: DType) -> Result<Tensor> {
    Err(pending())
}

/// Normal random numbers at most two deviations from their mean.
pub(crate) fn truncated_normal(_: &Tensor, _: Vec<Size>, _: f64, _: f64, _: DType) -> Result<Tensor> {
    Err(pending())
}
