//! `L1L2`: penalty on absolute values and squares.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::{L1, L2, Regularize};
use crate::config;

config! {
    /// `l1 · Σ|w| + l2 · Σw²`.
    pub struct L1L2 {
        /// Factor of the absolute values.
        l1: f64 = 0.0,
        /// Factor of the squares.
        l2: f64 = 0.0,
    }
}

impl Regularize for L1L2 {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        let absolute = L1::new().l1(self.l1).call(weight)?;
        ops::add(&absolute, &L2::new().l2(self.l2).call(weight)?)
    }
}
