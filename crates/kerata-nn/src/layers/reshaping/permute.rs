//! `Permute`: axes in another order.

use crate::layers::prelude::*;

config! {
    /// Puts the axes in another order.
    pub struct Permute(
        /// The axes after the batch in their new order, counted from 1.
        dims: Vec<i64>,
    ) {}
}

impl Layer for Permute {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let order: Vec<i64> = [0].into_iter().chain(self.dims.iter().copied()).collect();
        Ok(vec![ops::transpose(inputs.only()?, &order)?])
    }
}
