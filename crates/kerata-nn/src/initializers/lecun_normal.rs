//! `LecunNormal`: normal with variance 1 / inputs.

use kerata_core::Result;
use kerata_core::graph::Tensor;

use super::variance::Variance;
use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// Truncated normal, after LeCun and others.
    pub struct LecunNormal {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Axes that count as inputs, when they are not the usual ones.
        input_axes: Option<Vec<i64>> = None,
        /// Axes that count as outputs, when they are not the usual ones.
        output_axes: Option<Vec<i64>> = None,
    }
}

impl Initialize for LecunNormal {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        Variance {
            scale: 1.0,
            mode: "fan_in",
            distribution: "truncated_normal",
            seed: self.seed.number(),
            input_axes: self.input_axes.as_deref(),
            output_axes: self.output_axes.as_deref(),
        }
        .call(variable)
    }
}
