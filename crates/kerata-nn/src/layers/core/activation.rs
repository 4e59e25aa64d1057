//! `Activation`: an activation function as a layer.

use crate::activations::Activation as Function;
use crate::layers::prelude::{Inputs, Layer, Result, Scope, Tensor, config};

config! {
    /// Applies an activation function.
    pub struct Activation(
        /// The function.
        activation: Function,
    ) {}
}

impl Layer for Activation {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![self.activation.call(inputs.only()?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
