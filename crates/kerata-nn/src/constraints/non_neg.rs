//! `NonNeg`: nothing below zero.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::Constrain;
use crate::config;

config! {
    /// Sets negative weights to zero.
    pub struct NonNeg {}
}

impl Constrain for NonNeg {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        ops::maximum(weight, &ops::scalar(weight, 0.0)?)
    }
}
