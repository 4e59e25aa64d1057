//! `Minimum`: the smallest of tensors.

use super::merge::{fold_masked, joins_masks};
use crate::layers::prelude::*;

config! {
    /// Takes the smallest element.
    pub struct Minimum {}
}

impl Layer for Minimum {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold_masked(scope, inputs, ops::minimum)?])
    }

    joins_masks!();
}
