//! The CPU engine.

pub mod kernels;
pub mod workers;
