//! `Subtract`: the difference of two tensors.

use super::merge::{fold, joins_masks};
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

    joins_masks!();
}
