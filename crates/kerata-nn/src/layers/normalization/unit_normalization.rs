//! `UnitNormalization`: gives the vectors along axes length one.

use crate::layers::prelude::*;

config! {
    /// Gives the vectors along axes length one.
    pub struct UnitNormalization {
        /// The axes.
        axis: Axes = Axes::One(-1),
    }
}

impl Layer for UnitNormalization {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let squares = ops::sum(&ops::square(x)?, self.axis.list(), true)?;
        let floor = ops::scalar(&squares, 1e-24)?;
        Ok(vec![ops::multiply(x, &ops::rsqrt(&ops::maximum(&squares, &floor)?)?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
