//! Attention: each step of a sequence looks at the steps of another one.

use super::Layer;
use crate::config::macros::family;

mod heads;
mod scores;
mod steps;

family! { dyn Layer;
    additive_attention => AdditiveAttention,
    attention => Attention,
    group_query_attention => GroupQueryAttention,
    multi_head_attention => MultiHeadAttention,
}
