//! `Opaque`: a layer whose class is not known. It can be inspected, kept and written, and fails when it is called.

use kerata_core::graph::Tensor;
use kerata_core::{Object, Result};

use super::{Layer, Scope, missing_class};
use crate::config::Config;

/// A layer whose class is not known.
#[derive(Clone, Debug)]
pub struct Opaque {
    class_name: String,
}

impl Opaque {
    /// A layer of a class that is not known.
    pub fn new(class_name: &str) -> Self {
        Self { class_name: class_name.to_owned() }
    }
}

impl Config for Opaque {
    fn class_name(&self) -> &str {
        &self.class_name
    }

    fn config(&self) -> Object {
        Object::new()
    }
}

impl Layer for Opaque {
    fn call(&self, _: &Scope, _: &[Tensor]) -> Result<Vec<Tensor>> {
        Err(missing_class(&self.class_name))
    }

    fn check(&self) -> Result<()> {
        Err(missing_class(&self.class_name))
    }
}
