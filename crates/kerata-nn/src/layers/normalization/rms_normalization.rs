//! `RMSNormalization`: divides the features of each item by their root mean square.

use super::moments::{weight, wide};
use crate::layers::prelude::*;

config! {
    /// Divides the features of each item by their root mean square.
    pub struct RMSNormalization {
        /// The axes of the features.
        axis: Axes = Axes::One(-1),
        /// Added to the mean square.
        epsilon: f64 = 1e-6,
    }
}

impl Layer for RMSNormalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let input = inputs.only()?;
        let shape: Vec<usize> =
            self.axis.list().iter().map(|axis| input.known_axis(*axis)).collect::<Result<_>>()?;
        scope.variable("scale", shape, &Initializer::ones())?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let input = inputs.only()?;
        let x = ops::cast(input, wide(input.dtype()))?;
        let axes: Vec<usize> =
            self.axis.list().iter().map(|axis| x.spec().axis(*axis)).collect::<Result<_>>()?;
        let scale = weight(scope, "scale", &x, &axes)?.ok_or_else(|| Error::internal("no scale"))?;
        let mean = ops::mean(&ops::square(&x)?, self.axis.list(), true)?;
        let factor = ops::rsqrt(&ops::add(&mean, &ops::scalar(&mean, self.epsilon)?)?)?;
        let output = ops::multiply(&ops::multiply(&x, &factor)?, &scale)?;
        Ok(vec![ops::cast(&output, input.dtype())?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
