//! `ELU`: exponential linear unit.

use crate::layers::prelude::*;

config! {
    /// `x` above zero, `alpha · (exp(x) - 1)` below.
    pub struct ELU {
        /// The value far below zero, negated.
        alpha: f64 = 1.0,
    }
}

impl Layer for ELU {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let zero = ops::scalar(x, 0.0)?;
        let below = ops::multiply(&ops::expm1(&ops::minimum(x, &zero)?)?, &ops::scalar(x, self.alpha)?)?;
        Ok(vec![ops::select(&ops::greater(x, &zero)?, x, &below)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
