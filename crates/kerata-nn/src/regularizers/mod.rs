//! Regularizers: penalties on the size of weights.

use std::sync::Arc;

use kerata_core::Result;
use kerata_core::graph::Tensor;

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

family! { dyn Regularize;
    l1 => L1,
    l1_l2 => L1L2,
    l2 => L2,
    orthogonal => OrthogonalRegularizer,
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[("orthogonal", "orthogonalregularizer")];

/// Gives the penalty of a weight, in ops.
pub trait Regularize: Config {
    /// The penalty: one number.
    fn call(&self, weight: &Tensor) -> Result<Tensor>;
}

/// The family of regularizers.
#[derive(Debug)]
pub enum Regularizers {}

impl Family for Regularizers {
    type Object = dyn Regularize;
    const MODULE: &'static str = "keras.regularizers";
    const KIND: &'static str = "regularizer";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.regularizers.find(name)
    }
}

/// The `..._regularizer` argument of a layer.
pub type Regularizer = Reference<Regularizers>;

impl<T: Regularize> From<T> for Regularizer {
    fn from(regularizer: T) -> Self {
        Self::to(Arc::new(regularizer))
    }
}
