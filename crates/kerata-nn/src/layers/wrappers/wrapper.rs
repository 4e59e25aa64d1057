//! `Wrapper`: a layer around another one that does what that one does.

use crate::layers::prelude::*;

config! {
    /// Does what the layer inside does.
    pub struct Wrapper(
        /// The layer.
        layer: AnyLayer,
    ) {}
}

impl Layer for Wrapper {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        scope.build("layer", &self.layer, inputs)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        scope.call("layer", &self.layer, inputs)
    }

    fn check(&self) -> Result<()> {
        self.layer.layer().check()
    }
}
