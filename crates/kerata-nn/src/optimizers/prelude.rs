//! What every optimizer needs.

pub use kerata_core::graph::Tensor;
pub use kerata_core::{Error, Result, ops};

pub use super::{Common, Optimize, Slots, Update};
pub use crate::config;
