//! `PReLU`: relu that leaks below zero by a learned slope.

use crate::layers::prelude::*;

config! {
    /// `x` above zero, `alpha · x` below, with an `alpha` for each position.
    pub struct PReLU {
        /// Start values of the slopes.
        alpha_initializer: Initializer = Initializer::zeros(),
        /// Penalty on the slopes.
        alpha_regularizer: Option<Regularizer> = None,
        /// Where the slopes are brought back to.
        alpha_constraint: Option<Constraint> = None,
        /// Axes whose positions share one slope.
        shared_axes: Option<Axes> = None,
    }
}

impl Layer for PReLU {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let input = inputs.only()?;
        let shared = self.shared_axes.as_ref().map_or(&[][..], Axes::list);
        let shape: Vec<usize> = (1..input.rank())
            .map(|axis| if shared.contains(&(axis as i64)) { Ok(1) } else { input.known_axis(axis as i64) })
            .collect::<Result<_>>()?;
        scope
            .variable("alpha", shape, &self.alpha_initializer)?
            .regularize(&self.alpha_regularizer)
            .constrain(&self.alpha_constraint);
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let above = ops::relu(x)?;
        let below = ops::relu(&ops::negative(x)?)?;
        Ok(vec![ops::subtract(&above, &ops::multiply(&scope.get("alpha")?, &below)?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
