//! Functions of `keras.ops` by the class names under which Keras 3 writes them into functional models.

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::{Error, Object, Result};

use crate::layers::Arguments;

/// A function: its constructor's config and the arguments of the call.
pub(crate) type Function = fn(&Object, &GraphBuilder, &Arguments) -> Result<Vec<Tensor>>;

/// The function of a class name.
pub(crate) fn find(class: &str) -> Result<Function> {
    Err(Error::unsupported(format!("`keras.ops` function `{class}` is not known")))
}

/// Calls the function of a class name.
pub(crate) fn call(
    class: &str,
    config: &Object,
    builder: &GraphBuilder,
    arguments: &Arguments,
) -> Result<Vec<Tensor>> {
    find(class)?(config, builder, arguments)
}
