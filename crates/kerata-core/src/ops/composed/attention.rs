//! Attention.

use crate::graph::Tensor;
use crate::ops;
use crate::{DType, Result};

/// `softmax(scale · q kᵀ + bias, where mask) v` over `(batch, length, heads, size)`. A false mask element hides a key; the
/// scale is one over the root of the head size when none is given.
pub fn dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    bias: Option<&Tensor>,
    mask: Option<&Tensor>,
    scale: Option<f64>,
    is_causal: bool,
) -> Result<Tensor> {
    let _scope = query.builder().scope("dot_product_attention");
    let scale = match scale {
        Some(scale) => scale,
        None => 1.0 / (query.spec().known_axis(-1)? as f64).sqrt(),
    };
    let scores = ops::einsum("btnh,bsnh->bnts", &[query, key])?;
    let mut scores = ops::times(&scores, scale)?;
    if let Some(bias) = bias {
        scores = ops::add(&scores, bias)?;
    }
    let hidden = ops::scalar(&scores, -0.7 * ops::largest(scores.dtype())?)?;
    if let Some(mask) = mask {
        scores = ops::select(mask, &scores, &hidden)?;
    }
    if is_causal {
        let rows = ops::iota(query.builder(), query.size(1), DType::Int32)?;
        let columns = ops::iota(query.builder(), key.size(1), DType::Int32)?;
        let is_past = ops::greater_equal(&ops::expand_dims(&rows, 1)?, &columns)?;
        scores = ops::select(&is_past, &scores, &hidden)?;
    }
    let weights = ops::softmax(&scores, &[-1])?;
    ops::einsum("bnts,bsnh->btnh", &[&weights, value])
}
