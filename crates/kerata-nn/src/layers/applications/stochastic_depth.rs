//! `StochasticDepth`: drops the whole input of some samples in training, of ConvNeXt.

use crate::layers::prelude::*;

config! {
    /// Drops the whole input of some samples in training.
    pub struct StochasticDepth(
        /// The share of samples that is dropped.
        drop_path_rate: f64,
    ) {
    }
}

impl Layer for StochasticDepth {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if scope.training() && self.drop_path_rate > 0.0 {
            // Keras draws from a generator of the whole program, which no file holds.
            return Err(Error::unsupported("training `StochasticDepth` with a rate above zero"));
        }
        Ok(vec![inputs.only()?.clone()])
    }
}
