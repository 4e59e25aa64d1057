//! Masks that follow from the places of steps.

use crate::layers::prelude::*;

/// Whether each step of the key is not after a step of the query: `(query steps, key steps)`.
pub(super) fn past(query: &Tensor, query_axis: usize, key: &Tensor, key_axis: usize) -> Result<Tensor> {
    let (rows, columns) = places(query, query_axis, key, key_axis)?;
    ops::greater_equal(&rows, &columns)
}

/// Whether each step of the key is nearer than `width` to a step of the query.
pub(super) fn near(query: &Tensor, key: &Tensor, width: usize) -> Result<Tensor> {
    let (rows, columns) = places(query, 1, key, 1)?;
    let distance = ops::absolute(&ops::subtract(&rows, &columns)?)?;
    ops::less(&distance, &ops::scalar(&distance, width as i64)?)
}

fn places(query: &Tensor, query_axis: usize, key: &Tensor, key_axis: usize) -> Result<(Tensor, Tensor)> {
    let rows = ops::iota(query.builder(), query.size(query_axis), DType::Int32)?;
    Ok((ops::expand_dims(&rows, 1)?, ops::iota(query.builder(), key.size(key_axis), DType::Int32)?))
}
