//! `Maximum`: the largest of tensors.

use super::merge::{fold_masked, joins_masks};
use crate::layers::prelude::*;

config! {
    /// Takes the largest element.
    pub struct Maximum {}
}

impl Layer for Maximum {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold_masked(scope, inputs, ops::maximum)?])
    }

    joins_masks!();
}
