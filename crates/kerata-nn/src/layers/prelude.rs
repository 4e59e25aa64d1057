//! What the file of a layer needs: `use crate::layers::prelude::*;`. For a layer outside of this crate:
//! `use kerata_nn::layers::prelude::*;`.

pub use kerata_core::graph::{Inputs, Tensor, TensorSpec};
pub use kerata_core::{DType, Error, Object, Result, ResultExt, Role, Shape, Tree, ops};

pub use super::{AnyLayer, Argument, Arguments, Layer, Masked, Scope};
pub use crate::activations::Activation;
pub use crate::config;
pub use crate::config::{
    Axes, Config, DTypePolicy, DataFormat, FromConfig, Padding, Pads, Seed, Sizes, Value,
};
pub use crate::constraints::Constraint;
pub use crate::initializers::Initializer;
pub use crate::registry::Registry;
pub use crate::regularizers::Regularizer;
