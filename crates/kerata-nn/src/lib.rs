//! The Keras vocabulary: layers, activations, losses, optimizers, composed of ops only.
#![forbid(unsafe_code)]

pub use kerata_core as core;

pub mod activations;
pub mod config;
pub mod constraints;
pub mod initializers;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod models;
mod operations;
pub mod optimizers;
mod registry;
pub mod regularizers;
pub mod schedules;
pub mod training;

pub use models::Model;
pub use registry::{Registry, is_foreign};
