//! `Maximum`: the largest of tensors.

use super::merge::{fold_masked, joined_mask};
use crate::layers::prelude::*;

config! {
    /// Takes the largest element.
    pub struct Maximum {}
}

impl Layer for Maximum {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold_masked(scope, inputs, ops::maximum)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(
        &self,
        _: &Scope,
        _: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        joined_mask(masks)
    }
}
