//! `RepeatVector`: a vector again and again.

use crate::layers::prelude::*;

config! {
    /// Repeats a vector as the steps of a sequence.
    pub struct RepeatVector(
        /// Number of steps.
        n: usize,
    ) {}
}

impl Layer for RepeatVector {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [batch, width] = <[ops::Size; 2]>::try_from(inputs.only()?.sizes())
            .map_err(|_| Error::mismatch("expected vectors"))?;
        let step = ops::expand_dims(inputs.only()?, 1)?;
        Ok(vec![ops::broadcast_to(&step, [batch, self.n.into(), width])?])
    }
}
