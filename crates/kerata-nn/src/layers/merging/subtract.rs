//! `Subtract`: the difference of two tensors.

use super::merge::{fold, joined_mask};
use crate::layers::prelude::*;

config! {
    /// Subtracts the second tensor from the first.
    pub struct Subtract {}
}

impl Layer for Subtract {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [first, second] = inputs.exactly()?;
        Ok(vec![fold(&[first.clone(), second.clone()], ops::subtract)?])
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
