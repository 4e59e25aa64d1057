//! `VarianceScaling`: random with a variance that fits the inputs or outputs.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::variance::Variance;
use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// Random numbers of variance `scale / n`.
    pub struct VarianceScaling {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Scale of the variance.
        scale: f64 = 1.0,
        /// What `n` is: `fan_in`, `fan_out` or `fan_avg`.
        mode: String = "fan_in".to_owned(),
        /// `truncated_normal`, `untruncated_normal` or `uniform`.
        distribution: String = "truncated_normal".to_owned(),
        /// Axes that count as inputs, when they are not the usual ones.
        input_axes: Option<Vec<i64>> = None,
        /// Axes that count as outputs, when they are not the usual ones.
        output_axes: Option<Vec<i64>> = None,
    }
}

impl Initialize for VarianceScaling {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        Variance {
            scale: self.scale,
            mode: &self.mode,
            distribution: &self.distribution,
            seed: self.seed.number(),
            input_axes: self.input_axes.as_deref(),
            output_axes: self.output_axes.as_deref(),
        }
        .call(variable)
    }
}
