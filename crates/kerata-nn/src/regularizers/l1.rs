//! `L1`: penalty on absolute values.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::Regularize;
use crate::config;

config! {
    /// `l1 · Σ|w|`.
    pub struct L1 {
        /// Factor of the penalty.
        l1: f64 = 0.01,
    }
}

impl Regularize for L1 {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let sum = ops::sum(&ops::absolute(weight)?, &[], false)?;
        ops::multiply(&sum, &ops::scalar(&sum, self.l1)?)
    }
}
