//! `Zeros`: zeros.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::{Initialize, Start};
use crate::config;

config! {
    /// Zeros everywhere.
    pub struct Zeros {
    }
}

impl Initialize for Zeros {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.full(0.0)
    }
}
