//! `MinMaxNorm`: norms between two values.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::{Constrain, norms, with_norms};
use crate::config;
use crate::config::Axes;

config! {
    /// Scales norms to between two values.
    pub struct MinMaxNorm {
        /// The shortest norm.
        min_value: f64 = 0.0,
        /// The longest norm.
        max_value: f64 = 1.0,
        /// How much of the way a step goes.
        rate: f64 = 1.0,
        /// Axes along which norms are taken.
        axis: Axes = Axes::One(0),
    }
}

impl Constrain for MinMaxNorm {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let norms = norms(weight, self.axis.list())?;
        let low = ops::maximum(&norms, &ops::scalar(&norms, self.min_value)?)?;
        let clipped = ops::minimum(&low, &ops::scalar(&norms, self.max_value)?)?;
        let desired = ops::add(
            &ops::multiply(&clipped, &ops::scalar(&norms, self.rate)?)?,
            &ops::multiply(&norms, &ops::scalar(&norms, 1.0 - self.rate)?)?,
        )?;
        with_norms(weight, &norms, &desired)
    }
}
