//! `Generator`: whose random numbers a graph draws.

use crate::named_attribute;

/// Whose numbers follow from a seed: a property of the graph that is being built, see
/// [`GraphBuilder::set_generator`](crate::graph::GraphBuilder::set_generator).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generator {
    /// Those of Keras on TensorFlow, on a CPU.
    #[default]
    TensorFlow,
    /// Those of Keras on JAX.
    Jax,
}

named_attribute!(Generator { TensorFlow = "tensorflow", Jax = "jax" });
