//! Constraints: what a weight is brought back to after each step of training.

use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

family! { dyn Constrain;
    max_norm => MaxNorm,
    min_max_norm => MinMaxNorm,
    non_neg => NonNeg,
    unit_norm => UnitNorm,
}

/// Keras's small number that keeps divisions from dividing by zero.
const EPSILON: f64 = 1e-7;

/// Brings a weight back to where it may be, in ops.
pub trait Constrain: Config {
    /// The weight that is kept.
    fn call(&self, weight: &Tensor) -> Result<Tensor>;
}

/// The family of constraints.
#[derive(Debug)]
pub enum Constraints {}

impl Family for Constraints {
    type Object = dyn Constrain;
    const MODULE: &'static str = "keras.constraints";
    const KIND: &'static str = "constraint";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.constraints.find(name)
    }
}

/// The `..._constraint` argument of a layer.
pub type Constraint = Reference<Constraints>;

impl<T: Constrain> From<T> for Constraint {
    fn from(constraint: T) -> Self {
        Self::to(Arc::new(constraint))
    }
}

/// Euclidean norms along axes, which are kept.
fn norms(weight: &Tensor, axes: &[i64]) -> Result<Tensor> {
    ops::sqrt(&ops::sum(&ops::square(weight)?, axes, true)?)
}

/// The weight with other norms.
fn with_norms(weight: &Tensor, norms: &Tensor, desired: &Tensor) -> Result<Tensor> {
    let norms = ops::add(norms, &ops::scalar(norms, EPSILON)?)?;
    ops::multiply(weight, &ops::divide(desired, &norms)?)
}
