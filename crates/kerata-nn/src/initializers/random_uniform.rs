//! `RandomUniform`: uniform random numbers.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// Random numbers between two bounds.
    pub struct RandomUniform {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Lower bound.
        minval: f64 = -0.05,
        /// Upper bound.
        maxval: f64 = 0.05,
    }
}

impl Initialize for RandomUniform {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.uniform(self.minval, self.maxval, self.seed.number())
    }
}
