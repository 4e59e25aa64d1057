//! What every metric needs.

pub use kerata_core::graph::Tensor;
pub use kerata_core::{DType, Error, Result, ops};

pub use super::counts::{Counting, Thresholds, only, share};
pub use super::{Declared, Measure, Sample, State, add_mean, class_numbers, in_top_k, mean};
pub use crate::config;
pub use crate::losses::same_rank;
