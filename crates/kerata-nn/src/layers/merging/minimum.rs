//! `Minimum`: the smallest of tensors.

use super::merge::{fold_masked, joined_mask};
use crate::layers::prelude::*;

config! {
    /// Takes the smallest element.
    pub struct Minimum {}
}

impl Layer for Minimum {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold_masked(scope, inputs, ops::minimum)?])
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
