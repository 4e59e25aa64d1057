//! `LayerScale`: one learned factor a channel, of ConvNeXt.

use crate::initializers::Constant;
use crate::layers::prelude::*;

config! {
    /// One learned factor a channel.
    pub struct LayerScale(
        /// Start value of the factors.
        init_values: f64,
        /// Number of channels.
        projection_dim: usize,
    ) {
    }
}

impl Layer for LayerScale {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        // Keras gives it no name of its own.
        let start = Initializer::from(Constant::new().value(Tree::Float(self.init_values)));
        scope.variable("variable", [self.projection_dim], &start)?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::multiply(inputs.only()?, &scope.get("variable")?)?])
    }
}
