//! `TFDIdentity`: a feature of a `FeatureSpace` as it is.

use crate::layers::prelude::*;

config! {
    /// Gives its inputs.
    pub struct TFDIdentity {}
}

impl Layer for TFDIdentity {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(inputs.to_vec())
    }

    fn autocast(&self) -> bool {
        false
    }

    fn module(&self) -> &'static str {
        "keras.src.layers.preprocessing.feature_space"
    }
}
