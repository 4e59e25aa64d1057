//! `Add`: the sum of tensors.

use super::merge::{fold, joins_masks};
use crate::layers::prelude::*;

config! {
    /// Adds tensors.
    pub struct Add {}
}

impl Layer for Add {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![fold(inputs, ops::add)?])
    }

    joins_masks!();
}
