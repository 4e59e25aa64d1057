//! `Add`: the sum of tensors.

use super::merge::{fold, joined_mask};
use crate::layers::prelude::*;

config! {
    /// Adds tensors.
    pub struct Add {}
}

impl Layer for Add {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold(inputs, ops::add)?])
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
