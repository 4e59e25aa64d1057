//! `Masking`: marks the steps of a sequence that hold nothing.

use crate::layers::prelude::*;

config! {
    /// Masks the steps whose features all have one value.
    pub struct Masking {
        /// The value.
        mask_value: f64 = 0.0,
    }
}

impl Masking {
    fn steps(&self, x: &Tensor, keepdims: bool) -> Result<Tensor> {
        ops::any(&ops::not_equal(x, &ops::scalar(x, self.mask_value)?)?, &[-1], keepdims)
    }
}

impl Layer for Masking {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        scope.set_mask(0, Some(self.steps(x, false)?));
        Ok(vec![ops::multiply(x, &ops::cast(&self.steps(x, true)?, x.dtype())?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
