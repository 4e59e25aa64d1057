//! `RandomNormal`: normal random numbers.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// Normal random numbers.
    pub struct RandomNormal {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Mean of the numbers.
        mean: f64 = 0.0,
        /// Their standard deviation.
        stddev: f64 = 0.05,
    }
}

impl Initialize for RandomNormal {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.normal(self.mean, self.stddev, self.seed.number())
    }
}
