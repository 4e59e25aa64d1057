//! `UnitNorm`: norms of one.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::{Constrain, norms, with_norms};
use crate::config;
use crate::config::Axes;

config! {
    /// Scales norms to one.
    pub struct UnitNorm {
        /// Axes along which norms are taken.
        axis: Axes = Axes::One(0),
    }
}

impl Constrain for UnitNorm {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let norms = norms(weight, self.axis.list())?;
        with_norms(weight, &norms, &ops::scalar(&norms, 1.0)?)
    }
}
