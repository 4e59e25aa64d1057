//! `L2`: penalty on squares.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::Regularize;
use crate::config;

config! {
    /// `l2 · Σw²`.
    pub struct L2 {
        /// Factor of the penalty.
        l2: f64 = 0.01,
    }
}

impl Regularize for L2 {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let sum = ops::sum(&ops::square(weight)?, &[], false)?;
        ops::multiply(&sum, &ops::scalar(&sum, self.l2)?)
    }
}
