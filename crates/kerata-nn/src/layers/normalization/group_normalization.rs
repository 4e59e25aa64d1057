//! `GroupNormalization`: normalizes groups of the features of each item.

use super::moments::{moments, normalized, wide};
use crate::layers::prelude::*;

config! {
    /// Normalizes groups of the features of each item.
    pub struct GroupNormalization {
        /// Number of groups; -1 makes a group of each feature.
        groups: i64 = 32,
        /// The axis of the features.
        axis: i64 = -1,
        /// Added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether an offset is added.
        center: bool = true,
        /// Whether a factor is applied.
        scale: bool = true,
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

impl GroupNormalization {
    fn count(&self, width: usize) -> Result<usize> {
        let groups = if self.groups < 0 { width } else { self.groups as usize };
        if groups == 0 || !width.is_multiple_of(groups) {
            return Err(Error::mismatch(format!("{width} features do not fall into {groups} groups")));
        }
        Ok(groups)
    }
}

impl Layer for GroupNormalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(self.axis)?;
        self.count(width)?;
        if self.scale {
            scope
                .variable("gamma", [width], &self.gamma_initializer)?
                .regularize(&self.gamma_regularizer)
                .constrain(&self.gamma_constraint);
        }
        if self.center {
            scope
                .variable("beta", [width], &self.beta_initializer)?
                .regularize(&self.beta_regularizer)
                .constrain(&self.beta_constraint);
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let input = inputs.only()?;
        let axis = input.spec().axis(self.axis)?;
        let width = input.spec().known_axis(self.axis)?;
        let groups = self.count(width)?;
        let mut sizes = input.sizes();
        sizes.splice(axis..=axis, [groups.into(), (width / groups).into()]);
        let x = ops::reshape(&ops::cast(input, wide(input.dtype()))?, sizes)?;
        let grouped = |name: &str| {
            if !scope.has(name) {
                return Ok(None);
            }
            let mut sizes = vec![1; x.rank()];
            (sizes[axis], sizes[axis + 1]) = (groups, width / groups);
            ops::reshape(&ops::cast(&scope.get_stored(name)?, x.dtype())?, sizes).map(Some)
        };
        let (gamma, beta) = (grouped("gamma")?, grouped("beta")?);
        let axes: Vec<i64> = (1..x.rank()).filter(|other| *other != axis).map(|axis| axis as i64).collect();
        let (mean, variance) = moments(&x, &axes)?;
        let output = normalized(&x, (&mean, &variance), self.epsilon, gamma.as_ref(), beta.as_ref())?;
        Ok(vec![ops::cast(&ops::reshape(&output, input.sizes())?, scope.compute_dtype())?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
