//! `Lambda`: a function of the user as a layer. Code in a file is never executed; a function that is registered or
//! replaced by name is called.

use crate::activations::missing_function;
use crate::layers::prelude::*;

config! {
    /// A function as a layer.
    pub struct Lambda {
        /// The function: by name, or Python bytecode, which is kept and not executed.
        function: Activation = Activation::linear(),
        /// Further arguments of the function.
        arguments: Object = Object::new(),
    }
    also {
        /// Shape of the result, for a Keras that cannot find it; kerata takes that of the function.
        output_shape: Option<Tree> = None,
        /// The mask of the result; kept and not used.
        mask: Option<Tree> = None,
    }
}

impl Layer for Lambda {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.check()?;
        Ok(vec![self.function.call(inputs.only()?)?])
    }

    fn check(&self) -> Result<()> {
        match self.function.missing() {
            Some(name) => Err(missing_function(name)),
            None => Ok(()),
        }
    }
}
