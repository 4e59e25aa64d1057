//! `Average`: the mean of tensors.

use super::merge::{fold, joins_masks};
use crate::layers::prelude::*;

config! {
    /// Takes the mean of tensors.
    pub struct Average {}
}

impl Layer for Average {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let sum = fold(inputs, ops::add)?;
        let count = ops::scalar(&sum, inputs.len() as f64)?;
        Ok(vec![ops::divide(&sum, &count)?])
    }

    joins_masks!();
}
