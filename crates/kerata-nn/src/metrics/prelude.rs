//! What every metric needs.

pub use kerata_core::graph::Tensor;
pub use kerata_core::{DType, Result, ops};

pub use super::{Measure, class_numbers, in_top_k};
pub use crate::config;
pub use crate::losses::same_rank;
