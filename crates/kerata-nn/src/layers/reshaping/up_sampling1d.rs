//! `UpSampling1D`: every step several times.

use crate::layers::prelude::*;

config! {
    /// Repeats every step of a sequence.
    pub struct UpSampling1D {
        /// How often.
        size: usize = 2,
    }
}

impl Layer for UpSampling1D {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::repeat(inputs.only()?, self.size, 1)?])
    }
}
