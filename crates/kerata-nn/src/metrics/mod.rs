//! Metrics: what is measured beside the loss, in ops.

use std::sync::Arc;

use kerata_core::Result;
use kerata_core::graph::Tensor;

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

family! { dyn Measure;
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[];

/// Measures predictions, in ops: what each batch adds to the state, and what the state means.
pub trait Measure: Config {
    /// What a batch adds to the state.
    fn update(&self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>>;

    /// The measure of a state.
    fn result(&self, state: &[Tensor]) -> Result<Tensor>;
}

/// The family of metrics.
#[derive(Debug)]
pub enum Metrics {}

impl Family for Metrics {
    type Object = dyn Measure;
    const MODULE: &'static str = "keras.metrics";
    const KIND: &'static str = "metric";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.metrics.find(name)
    }
}

/// A metric by class or function.
pub type Metric = Reference<Metrics>;

impl<T: Measure> From<T> for Metric {
    fn from(metric: T) -> Self {
        Self::to(Arc::new(metric))
    }
}
