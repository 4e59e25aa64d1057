//! `TruncatedNormal`: normal random numbers near their mean.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// Normal random numbers at most two deviations from their mean.
    pub struct TruncatedNormal {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Mean of the numbers.
        mean: f64 = 0.0,
        /// Their standard deviation.
        stddev: f64 = 0.05,
    }
}

impl Initialize for TruncatedNormal {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.truncated_normal(self.mean, self.stddev, self.seed.number())
    }
}
