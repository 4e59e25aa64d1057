//! Schedules: the learning rate of each step, in ops.

use std::sync::Arc;

use kerata_core::Result;
use kerata_core::graph::Tensor;

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

mod prelude;

family! { dyn Schedule;
    cosine_decay => CosineDecay,
    cosine_decay_restarts => CosineDecayRestarts,
    exponential_decay => ExponentialDecay,
    inverse_time_decay => InverseTimeDecay,
    piecewise_constant_decay => PiecewiseConstantDecay,
    polynomial_decay => PolynomialDecay,
}

/// Gives the learning rate of a step, in ops.
pub trait Schedule: Config {
    /// The rate of a step; the first one is 0.
    fn call(&self, step: &Tensor) -> Result<Tensor>;
}

/// The family of schedules.
#[derive(Debug)]
pub enum Schedules {}

impl Family for Schedules {
    type Object = dyn Schedule;
    const MODULE: &'static str = "keras.optimizers.schedules";
    const KIND: &'static str = "learning rate schedule";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.schedules.find(name)
    }
}

/// A schedule by class.
pub type LearningRateSchedule = Reference<Schedules>;

impl<T: Schedule> From<T> for LearningRateSchedule {
    fn from(schedule: T) -> Self {
        Self::to(Arc::new(schedule))
    }
}
