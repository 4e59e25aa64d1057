//! `ParametricSoftplus`: softplus with learned factors, of Keras 1.

use crate::layers::prelude::*;

config! {
    /// `alpha · log(1 + exp(beta · x))` with factors for each place.
    pub struct ParametricSoftplus {
        /// Start value of the outer factor.
        alpha_init: f64 = 0.2,
        /// Start value of the inner factor.
        beta_init: f64 = 5.0,
        /// The axes along which factors are shared.
        shared_axes: Option<Axes> = None,
    }
}

/// Sizes of parameters for each place of an item, one along shared axes.
pub(super) fn parameter_shape(input: &TensorSpec, shared: Option<&Axes>) -> Result<Vec<usize>> {
    let shared = shared.map(Axes::list).unwrap_or_default();
    let size = |axis: usize| if shared.contains(&(axis as i64)) { Ok(1) } else { input.known_axis(axis as i64) };
    (1..input.rank()).map(size).collect()
}

impl Layer for ParametricSoftplus {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let shape = parameter_shape(inputs.only()?, self.shared_axes.as_ref())?;
        scope.variable("alpha", &shape, &Initializer::constant(self.alpha_init))?;
        scope.variable("beta", &shape, &Initializer::constant(self.beta_init))?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let inner = ops::multiply(&scope.get("beta")?, inputs.only()?)?;
        Ok(vec![ops::multiply(&ops::softplus(&inner)?, &scope.get("alpha")?)?])
    }
}
