//! `Pipeline`: layers one after the other.

use crate::layers::prelude::*;

config! {
    /// Calls layers one after the other.
    pub struct Pipeline(
        /// The layers.
        layers: Vec<AnyLayer>,
    ) {}
}

impl Pipeline {
    /// The layers with the names of their places.
    fn places(&self) -> Vec<(String, &AnyLayer)> {
        let classes = self.layers.iter().map(|layer| Some(layer.class_name()));
        let places = crate::models::list_attributes("_pipeline_layers", classes);
        places.into_iter().flatten().zip(&self.layers).collect()
    }
}

impl Layer for Pipeline {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let mut specs = inputs.to_vec();
        for (place, layer) in self.places() {
            scope.build(&place, layer, &specs)?;
            specs = scope.output_specs(&place, layer, &specs)?;
            scope.note_outputs(&place, specs.clone());
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut tensors = inputs.to_vec();
        for (place, layer) in self.places() {
            tensors = scope.call(&place, layer, &tensors)?;
        }
        Ok(tensors)
    }

    fn listed(&self) -> Vec<(String, &AnyLayer)> {
        self.places()
    }
}
