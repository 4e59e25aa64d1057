//! `ActivityRegularization`: a penalty on its input.

use crate::layers::prelude::*;
use crate::regularizers::{L1L2, Regularize};

config! {
    /// Gives its input and adds a penalty on it to the loss.
    pub struct ActivityRegularization {
        /// Factor of the absolute values.
        l1: f64 = 0.0,
        /// Factor of the squares.
        l2: f64 = 0.0,
    }
}

impl Layer for ActivityRegularization {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let penalty = L1L2::new().l1(self.l1).l2(self.l2).call(x)?;
        let batch = ops::cast(&ops::index(&ops::shape_of(x)?, 0, 0)?, penalty.dtype())?;
        scope.add_loss(ops::divide(&penalty, &batch)?);
        Ok(vec![x.clone()])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
