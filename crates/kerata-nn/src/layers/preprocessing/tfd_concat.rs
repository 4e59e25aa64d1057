//! `TFDConcat`: the features of a `FeatureSpace` one after the other.

use crate::layers::prelude::*;

config! {
    /// Puts features one after the other.
    pub struct TFDConcat(
        /// Along which axis.
        axis: i64,
    ) {}
}

impl Layer for TFDConcat {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::concatenate(inputs, self.axis)?])
    }

    fn autocast(&self) -> bool {
        false
    }

    fn module(&self) -> &'static str {
        "keras.src.layers.preprocessing.feature_space"
    }
}
