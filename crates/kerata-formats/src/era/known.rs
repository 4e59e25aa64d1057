//! What is known of the tensors of a model, as whoever can trace its layers tells it.

use std::collections::HashMap;

use kerata_core::graph::TensorSpec;

/// Dtypes and shapes of what each layer takes and gives at its first call, by the names of the models around the layer
/// (without that of the outermost) and its own.
#[derive(Clone, Debug, Default)]
pub struct Known {
    calls: HashMap<Vec<String>, (Vec<TensorSpec>, Vec<TensorSpec>)>,
}

impl Known {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the tensors that a layer takes and gives, flattened.
    pub fn insert(&mut self, names: Vec<String>, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) {
        self.calls.insert(names, (inputs, outputs));
    }

    /// The tensors that a layer takes.
    pub fn inputs(&self, names: &[String]) -> &[TensorSpec] {
        self.calls.get(names).map(|(inputs, _)| inputs.as_slice()).unwrap_or_default()
    }

    /// The tensors that a layer gives.
    pub fn outputs(&self, names: &[String]) -> &[TensorSpec] {
        self.calls.get(names).map(|(_, outputs)| outputs.as_slice()).unwrap_or_default()
    }

    /// Number of layers of which something is known.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}
