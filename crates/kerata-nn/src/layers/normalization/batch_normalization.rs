//! `BatchNormalization`: normalizes each feature over the batch; running moments are used outside of training.

use super::moments::{normalized, weight, wide};
use crate::layers::prelude::*;

config! {
    /// Normalizes each feature over the batch.
    pub struct BatchNormalization {
        /// The axis of the features.
        axis: Axes = Axes::One(-1),
        /// How much of the running moments is kept in a step.
        momentum: f64 = 0.99,
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
        /// Start values of the running mean.
        moving_mean_initializer: Initializer = Initializer::zeros(),
        /// Start values of the running variance.
        moving_variance_initializer: Initializer = Initializer::ones(),
        /// Penalty on the offset.
        beta_regularizer: Option<Regularizer> = None,
        /// Penalty on the factor.
        gamma_regularizer: Option<Regularizer> = None,
        /// Where the offset is brought back to.
        beta_constraint: Option<Constraint> = None,
        /// Where the factor is brought back to.
        gamma_constraint: Option<Constraint> = None,
        /// Whether moments are shared between devices.
        synchronized: bool = false,
        /// Whether the moments of a batch are corrected by the running ones (batch renormalization).
        renorm: bool = false,
        /// Bounds of that correction.
        renorm_clipping: Option<Object> = None,
        /// How much of the moments for that correction is kept in a step.
        renorm_momentum: f64 = 0.99,
    }
    also {
        /// What Keras 1 took the moments of: 0 as today, 2 those of the batch also outside of training.
        mode: i64 = 0,
    }
}

impl BatchNormalization {
    fn features(&self, rank: usize) -> Result<usize> {
        match self.axis.list() {
            [axis] => Shape::new(vec![None; rank]).axis(*axis),
            axes => Err(Error::unsupported(format!("batch normalization over {} axes", axes.len()))),
        }
    }

    /// Mean and variance of the batch, without the steps that do not count.
    fn batch_moments(&self, x: &Tensor, mask: Option<&Tensor>, axis: usize) -> Result<(Tensor, Tensor)> {
        let axes: Vec<i64> = (0..x.rank()).filter(|other| *other != axis).map(|axis| axis as i64).collect();
        let Some(mask) = mask else {
            let mean = ops::mean(x, &axes, false)?;
            let squares = ops::square(&ops::subtract(x, &ops::mean(x, &axes, true)?)?)?;
            return Ok((mean, ops::mean(&squares, &axes, false)?));
        };
        let weights = ops::broadcast_to(&ops::cast(&ops::expand_dims(mask, -1)?, x.dtype())?, x.sizes())?;
        let count = ops::add(&ops::sum(&weights, &axes, true)?, &ops::scalar(x, 1e-7)?)?;
        let mean = ops::divide(&ops::sum(&ops::multiply(x, &weights)?, &axes, true)?, &count)?;
        let squares = ops::multiply(&ops::square(&ops::subtract(x, &mean)?)?, &weights)?;
        let variance = ops::divide(&ops::sum(&squares, &axes, true)?, &count)?;
        Ok((ops::squeeze(&mean, &axes)?, ops::squeeze(&variance, &axes)?))
    }

    /// Keeps a share of a running moment and adds the rest of the new one.
    fn keep(&self, scope: &Scope, name: &str, new: &Tensor) -> Result<()> {
        let old = ops::cast(&scope.get_stored(name)?, new.dtype())?;
        let kept = ops::multiply(&old, &ops::scalar(&old, self.momentum)?)?;
        scope.update(name, &ops::add(&kept, &ops::multiply(new, &ops::scalar(new, 1.0 - self.momentum)?)?)?)
    }
}

impl Layer for BatchNormalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let input = inputs.only()?;
        let width = input.known_axis(self.features(input.rank())? as i64)?;
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
        scope.variable("moving_mean", [width], &self.moving_mean_initializer)?.frozen();
        scope.variable("moving_variance", [width], &self.moving_variance_initializer)?.frozen();
        if self.renorm {
            scope.variable("moving_stddev", [width], &Initializer::ones())?.frozen();
            scope.variable("renorm_mean", [width], &Initializer::zeros())?.frozen();
            scope.variable("renorm_stddev", [width], &Initializer::ones())?.frozen();
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let input = inputs.only()?;
        let x = ops::cast(input, wide(input.dtype()))?;
        let axis = self.features(x.rank())?;
        let features = |weight: &Tensor| {
            let mut sizes = vec![1; x.rank()];
            sizes[axis] = x.spec().known_axis(axis as i64)? as u64;
            ops::reshape(&ops::cast(weight, x.dtype())?, sizes)
        };
        let (mean, variance) = if scope.training() && scope.trainable() {
            if self.renorm {
                return Err(Error::unsupported("training with `renorm`"));
            }
            let (mean, variance) = self.batch_moments(&x, scope.mask(0), axis)?;
            self.keep(scope, "moving_mean", &mean)?;
            self.keep(scope, "moving_variance", &variance)?;
            (mean, variance)
        } else {
            match self.mode {
                0 => (scope.get_stored("moving_mean")?, scope.get_stored("moving_variance")?),
                2 => self.batch_moments(&x, scope.mask(0), axis)?,
                mode => return Err(Error::unsupported(format!("batch normalization of `mode` {mode}"))),
            }
        };
        let gamma = weight(scope, "gamma", &x, &[axis])?;
        let beta = weight(scope, "beta", &x, &[axis])?;
        let moments = (&features(&mean)?, &features(&variance)?);
        let output = normalized(&x, moments, self.epsilon, gamma.as_ref(), beta.as_ref())?;
        Ok(vec![ops::cast(&output, scope.compute_dtype())?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
