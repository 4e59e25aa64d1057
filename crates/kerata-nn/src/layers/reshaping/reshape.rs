//! `Reshape`: the same elements in another shape.

use crate::layers::prelude::*;

config! {
    /// Gives the elements of each item of the batch another shape.
    pub struct Reshape(
        /// Sizes after the batch; -1 is what is left.
        target_shape: Vec<i64>,
    ) {}
}

impl Layer for Reshape {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        // The size that is left is known when those of the input are.
        let known: Option<u64> = x.shape().axes().iter().skip(1).copied().product();
        let others: u64 = self.target_shape.iter().filter(|size| **size >= 0).map(|size| *size as u64).product();
        let left = known.filter(|_| others > 0).map(|known| ops::Size::Known(known / others));
        let size = |size: &i64| match left.clone() {
            Some(left) if *size < 0 => left,
            _ => ops::Size::from(*size),
        };
        let sizes: Vec<ops::Size> = [x.size(0)].into_iter().chain(self.target_shape.iter().map(size)).collect();
        Ok(vec![ops::reshape(x, sizes)?])
    }
}
