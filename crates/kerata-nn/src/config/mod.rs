//! Config objects: what Keras writes under `config` and how it becomes a Rust value and back.
//!
//! The [`config!`](crate::config!) macro declares an object once: its arguments with Keras's names, their types and
//! defaults. From that follow the constructor, the setters, [`FromConfig::from_config`] and [`Config::config`].

mod array;
mod choice;
mod given;
pub(crate) mod macros;
mod object;
mod policy;
mod seed;
mod sizes;
mod value;

pub use array::array;
pub use choice::{DataFormat, Padding};
pub use given::Given;
pub use object::{Constructor, Family, Reference, serialized};
pub use policy::{DTypePolicy, Quantization};
pub use seed::Seed;
pub use sizes::{Axes, Pads, Sizes};
pub use value::Value;
pub(crate) use value::unexpected;

use std::fmt::Debug;

use kerata_core::{Error, Object, Result, ResultExt};

use crate::Registry;

/// A value that has a class name and a config.
pub trait Config: Debug + Send + Sync + 'static {
    /// Keras's name of the class.
    fn class_name(&self) -> &str;

    /// The arguments under Keras's names, in Keras's order.
    fn config(&self) -> Object;
}

/// A config object that can be made from its config.
pub trait FromConfig: Config + Sized {
    /// Keras's name of the class.
    const CLASS: &'static str;

    /// Reads the arguments; keys that the class does not know are left alone.
    fn from_config(config: &Object, registry: &Registry) -> Result<Self>;
}

/// Reads one argument of a config, or gives its default where the config does not have it.
pub fn argument<T: Value>(
    config: &Object,
    key: &str,
    registry: &Registry,
    default: impl FnOnce() -> T,
) -> Result<T> {
    match config.get(key) {
        Some(tree) => T::read(tree, registry).at(|| key),
        None => Ok(default()),
    }
}

/// Reads an argument that has no default.
pub fn required<T: Value>(config: &Object, key: &str, registry: &Registry) -> Result<T> {
    let tree =
        config.get(key).ok_or_else(|| Error::corrupt(format!("the config has no argument `{key}`")))?;
    T::read(tree, registry).at(|| key)
}

/// Puts the entries named by `first` before the others.
pub fn ordered(mut config: Object, first: &[&str]) -> Object {
    let mut out = Object::with_capacity(config.len());
    for key in first {
        if let Some(value) = config.shift_remove(*key) {
            out.insert((*key).to_owned(), value);
        }
    }
    out.extend(config);
    out
}
