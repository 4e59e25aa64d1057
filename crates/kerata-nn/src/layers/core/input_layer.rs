//! `InputLayer`: a place where a tensor enters a model.

use crate::layers::prelude::*;

config! {
    /// A place where a tensor enters a model.
    pub struct InputLayer(
        /// Sizes of all axes, the batch among them.
        batch_shape: Shape,
    ) {
        /// Element type.
        dtype: DType = DType::Float32,
        /// Whether sparse tensors are handed in.
        sparse: bool = false,
        /// Whether ragged tensors are handed in.
        ragged: bool = false,
        /// Whether the tensor may be missing.
        optional: bool = false,
    }
}

impl InputLayer {
    /// What is handed in.
    pub fn spec(&self) -> Result<TensorSpec> {
        Ok(TensorSpec::new(self.dtype, self.batch_shape.clone()))
    }
}

impl Layer for InputLayer {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(inputs.to_vec())
    }

    fn autocast(&self) -> bool {
        false
    }

    fn base_keys(&self) -> &'static [&'static str] {
        &["name"]
    }
}
