//! `Identity`: gives its inputs.

use crate::layers::prelude::*;

config! {
    /// Gives its inputs.
    pub struct Identity {}
}

impl Layer for Identity {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(inputs.to_vec())
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
