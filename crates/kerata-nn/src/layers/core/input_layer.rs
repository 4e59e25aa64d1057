//! `InputLayer`: a place where a tensor enters a model.

use crate::layers::prelude::*;

config! {
    /// A place where a tensor enters a model.
    pub struct InputLayer(
        /// Sizes of all axes, the batch among them.
        batch_shape: Tree,
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
        let shape = Shape::read(&self.batch_shape, Registry::built_in()).at(|| "batch_shape")?;
        Ok(TensorSpec::new(self.dtype, shape))
    }
}

impl Layer for InputLayer {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(inputs.to_vec())
    }

    fn autocast(&self) -> bool {
        false
    }
}
