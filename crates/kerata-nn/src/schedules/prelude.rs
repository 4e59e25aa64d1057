//! What every schedule needs.

pub use std::f64::consts::PI;

pub use kerata_core::graph::Tensor;
pub use kerata_core::{Error, Result, ops};

pub use super::Schedule;
pub use crate::config;
