//! `Rescaling`: numbers in another range.

use crate::config::array;
use crate::layers::prelude::*;

config! {
    /// Multiplies by a scale and adds an offset, each a number or one for each channel.
    pub struct Rescaling(
        /// The scale.
        scale: Tree,
    ) {
        /// The offset.
        offset: Tree = Tree::Float(0.0),
    }
}

impl Layer for Rescaling {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let dtype = scope.compute_dtype();
        let constant = |tree: &Tree| Ok::<_, Error>(scope.builder().constant(array(tree)?.cast(dtype)?));
        let scaled = ops::multiply(&ops::cast(inputs.only()?, dtype)?, &constant(&self.scale)?)?;
        Ok(vec![ops::add(&scaled, &constant(&self.offset)?)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
