//! Layers: the parts of a model. One folder a family, one file a layer, one line to list it.
//!
//! How the framework around them works: `docs/design/layers.md`.

mod any;
mod argument;
mod families;
mod lora;
mod opaque;
mod operation;
pub(crate) mod place;
pub mod prelude;
mod scope;

pub mod activations;
pub mod applications;
pub mod attention;
pub mod convolutional;
pub mod core;
pub mod embeddings;
pub mod image;
pub mod legacy;
pub mod merging;
pub mod normalization;
pub mod pooling;
pub mod preprocessing;
pub mod recurrent;
pub mod regularization;
pub mod reshaping;
pub mod wrappers;

pub(crate) use any::missing_class;
pub use any::{AnyLayer, snake_case};
pub use argument::{Argument, Arguments, Masked};
pub(crate) use families::{ALIASES, BUILT_IN};
pub use opaque::Opaque;
pub use operation::Operation;
pub use place::{Place, Slot};
pub use scope::Scope;

use kerata_core::Result;
use kerata_core::graph::{Tensor, TensorSpec};

use crate::config::Config;

/// A layer: its config says everything about it, its variables live in a [`Scope`], its call is written in ops.
pub trait Layer: Config {
    /// Declares the variables, and builds the layers inside, for inputs of these specs.
    fn build(&self, _scope: &mut Scope, _inputs: &[TensorSpec]) -> Result<()> {
        Ok(())
    }

    /// Computes the results from the tensors of the first argument, flattened.
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>>;

    /// Names of the arguments of a call, by position.
    fn arguments(&self) -> &'static [&'static str] {
        &["inputs"]
    }

    /// Whether masks go through; without it they end here.
    fn supports_masking(&self) -> bool {
        false
    }

    /// The masks of the results, where masks go through: those of the inputs, unless a layer says otherwise.
    fn compute_mask(
        &self,
        _scope: &Scope,
        _inputs: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        Ok(masks.to_vec())
    }

    /// Whether float inputs and variables are cast to the compute dtype.
    fn autocast(&self) -> bool {
        true
    }

    /// The specs of the results as Keras's summary shows them, where they differ from what is computed.
    fn shown(&self, outputs: Vec<TensorSpec>) -> Vec<TensorSpec> {
        outputs
    }

    /// Sizes of the states, without the batch, that a recurrent cell passes from step to step.
    fn states(&self) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// The layer as a model of other layers, when it is one.
    fn as_model(&self) -> Option<&dyn crate::models::Network> {
        None
    }

    /// The layers that a summary lists below it, with the attributes that hold them, when it is no model and has such.
    fn listed(&self) -> Vec<(String, &AnyLayer)> {
        Vec::new()
    }

    /// Whether it is a model of other layers.
    fn is_model(&self) -> bool {
        self.as_model().is_some()
    }

    /// Whether it is a function of `keras.ops` and no layer.
    fn is_operation(&self) -> bool {
        false
    }

    /// Keras's module of the class.
    fn module(&self) -> &'static str {
        "keras.layers"
    }

    /// What Keras writes of name, trainable flag and dtype into the config.
    fn base_keys(&self) -> &'static [&'static str] {
        &["name", "trainable", "dtype"]
    }

    /// Whether the code of the layer is there; the error says what to do when it is not.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
