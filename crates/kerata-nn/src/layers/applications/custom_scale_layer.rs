//! `CustomScaleLayer`: adds a scaled branch, of InceptionResNetV2.

use crate::layers::prelude::*;

config! {
    /// The first input plus the second times a number.
    pub struct CustomScaleLayer(
        /// The number.
        scale: f64,
    ) {
    }
}

impl Layer for CustomScaleLayer {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [x, branch] = inputs.exactly()?;
        Ok(vec![ops::add(x, &ops::times(branch, self.scale)?)?])
    }
}
