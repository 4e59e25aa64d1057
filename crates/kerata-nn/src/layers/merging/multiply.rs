//! `Multiply`: the product of tensors.

use super::merge::{equal_ranks, fold, joined_mask, joins_masks};
use crate::layers::prelude::*;

config! {
    /// Multiplies tensors.
    pub struct Multiply {}
}

impl Layer for Multiply {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        // What is masked in one tensor counts as one there; what is masked everywhere is zero.
        let mut factors = equal_ranks(inputs)?;
        for (factor, mask) in factors.iter_mut().zip(scope.masks()) {
            if let Some(mask) = mask {
                *factor = ops::select(&ops::expand_dims(mask, -1)?, factor, &ops::scalar(factor, 1.0)?)?;
            }
        }
        let product = fold(&factors, ops::multiply)?;
        match joined_mask(scope.masks())?.pop().flatten() {
            Some(mask) => {
                let mask = ops::expand_dims(&mask, -1)?;
                Ok(vec![ops::select(&mask, &product, &ops::scalar(&product, 0.0)?)?])
            }
            None => Ok(vec![product]),
        }
    }

    joins_masks!();
}
