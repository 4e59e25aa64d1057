//! `Operation`: a function of `keras.ops` that stands in a functional model as if it were a layer.

use kerata_core::graph::Tensor;
use kerata_core::{Object, Result, Tree};

use super::{Layer, Scope};
use crate::config::Config;
use crate::operations;

/// A function of `keras.ops` in a functional model.
#[derive(Clone, Debug)]
pub struct Operation {
    class_name: String,
    config: Object,
}

impl Operation {
    /// Whether a serialized object is a function of `keras.ops`. The module has moved between versions of Keras; what
    /// stays is that it is below `ops`.
    pub(crate) fn is_operation(tree: &Tree) -> bool {
        let module = tree.get("module").and_then(Tree::as_str).unwrap_or_default();
        module.split('.').any(|part| part == "ops" || part == "operations")
    }

    /// Whether a function of this class name is known.
    pub(crate) fn is_known(class: &str) -> bool {
        operations::find(class).is_ok()
    }

    /// Reads a serialized function.
    pub(crate) fn read(tree: &Tree) -> Result<Self> {
        let class_name = tree.class_name().unwrap_or_default().to_owned();
        let config = tree.get("config").and_then(Tree::as_object).cloned().unwrap_or_default();
        Ok(Self { class_name, config })
    }
}

impl Config for Operation {
    fn class_name(&self) -> &str {
        &self.class_name
    }

    fn config(&self) -> Object {
        self.config.clone()
    }
}

impl Layer for Operation {
    fn call(&self, scope: &Scope, _: &[Tensor]) -> Result<Vec<Tensor>> {
        operations::call(&self.class_name, &self.config, scope.builder(), scope.arguments())
    }

    fn autocast(&self) -> bool {
        false
    }

    fn is_operation(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        operations::find(&self.class_name).map(|_| ())
    }
}
