//! `MaxNorm`: norms of at most a value.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::{Constrain, norms, with_norms};
use crate::config;
use crate::config::Axes;

config! {
    /// Scales down what is longer than a value.
    pub struct MaxNorm {
        /// The longest norm.
        max_value: f64 = 2.0,
        /// Axes along which norms are taken.
        axis: Axes = Axes::One(0),
    }
}

impl Constrain for MaxNorm {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let norms = norms(weight, self.axis.list())?;
        let desired = ops::minimum(&norms, &ops::scalar(&norms, self.max_value)?)?;
        with_norms(weight, &norms, &desired)
    }
}
