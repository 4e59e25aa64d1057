//! What every loss needs.

pub use kerata_core::graph::Tensor;
pub use kerata_core::{DType, Result, ops};

pub use super::entropy::{binary_entropy, log_probabilities, signs, smooth_binary, smooth_classes};
pub use super::{EPSILON, LossFunction};
pub use crate::config;
pub use crate::config::Axes;
