//! `LayerNormalization`: normalizes the features of each item.

use super::moments::{moments, normalized, weight, wide};
use crate::layers::prelude::*;

config! {
    /// Normalizes the features of each item.
    pub struct LayerNormalization {
        /// The axes of the features.
        axis: Axes = Axes::One(-1),
        /// Added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether an offset is added.
        center: bool = true,
        /// Whether a factor is applied.
        scale: bool = true,
        /// Whether the mean stays (an older form of root mean square normalization).
        rms_scaling: bool = false,
        /// Start values of the offset.
        beta_initializer: Initializer = Initializer::zeros(),
        /// Start values of the factor.
        gamma_initializer: Initializer = Initializer::ones(),
        /// Penalty on the offset.
        beta_regularizer: Option<Regularizer> = None,
        /// Penalty on the factor.
        gamma_regularizer: Option<Regularizer> = None,
        /// Where the offset is brought back to.
        beta_constraint: Option<Constraint> = None,
        /// Where the factor is brought back to.
        gamma_constraint: Option<Constraint> = None,
    }
}

impl Layer for LayerNormalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let input = inputs.only()?;
        let shape: Vec<usize> =
            self.axis.list().iter().map(|axis| input.known_axis(*axis)).collect::<Result<_>>()?;
        if self.scale || self.rms_scaling {
            scope
                .variable("gamma", &shape, &self.gamma_initializer)?
                .regularize(&self.gamma_regularizer)
                .constrain(&self.gamma_constraint);
        }
        if self.center && !self.rms_scaling {
            scope
                .variable("beta", &shape, &self.beta_initializer)?
                .regularize(&self.beta_regularizer)
                .constrain(&self.beta_constraint);
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let input = inputs.only()?;
        let x = ops::cast(input, wide(input.dtype()))?;
        let mut axes: Vec<usize> =
            self.axis.list().iter().map(|axis| x.spec().axis(*axis)).collect::<Result<_>>()?;
        axes.sort_unstable();
        let gamma = weight(scope, "gamma", &x, &axes)?;
        let beta = weight(scope, "beta", &x, &axes)?;
        let axes: Vec<i64> = axes.into_iter().map(|axis| axis as i64).collect();
        let (mean, variance) = moments(&x, &axes)?;
        let mean = if self.rms_scaling { ops::zeros_like(&mean)? } else { mean };
        let output = normalized(&x, (&mean, &variance), self.epsilon, gamma.as_ref(), beta.as_ref())?;
        Ok(vec![ops::cast(&output, scope.compute_dtype())?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
