//! `Ones`: ones.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::{Initialize, Start};
use crate::config;

config! {
    /// Ones everywhere.
    pub struct Ones {
    }
}

impl Initialize for Ones {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.full(1.0)
    }
}
