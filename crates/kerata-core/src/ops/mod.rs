//! Ops: what graphs are made of. One file an op, one line in its room to list it.
//!
//! The free functions have the names of `keras.ops` and promote dtypes as Keras does; the structs beside them are the
//! ops themselves and are strict.

mod attribute;
mod gradient;
mod promotion;
mod registry;
mod scalar;
mod size;

pub mod complex;
pub mod composed;
pub mod control;
pub mod dynamic;
pub mod elementwise;
pub mod image;
pub mod indexing;
pub mod linalg;
pub mod linear;
pub mod random;
pub mod reduce;
pub mod shaping;
pub mod text;

use std::fmt::Debug;

// Every room's functions are reached as `ops::name`, as in Keras; the rooms list what they export.
pub use attribute::Attribute;

pub use complex::*;
pub use composed::*;
pub use control::*;
pub use dynamic::*;
pub use elementwise::*;
pub use gradient::Gradient;
pub use image::*;
pub use indexing::*;
pub use linalg::*;
pub use linear::*;
pub use promotion::{promote, result_type, to_float};
pub use random::*;
pub use reduce::*;
pub use registry::{OPS, OpEntry, read_op};
pub use scalar::{Scalar, one_minus, plus, scalar, times};
pub use shaping::*;
pub use size::{Dim, Size};
pub use text::*;

use crate::array::Array;
use crate::graph::{Graph, Tensor, TensorSpec};
use crate::{Result, Tree};

/// One op with its attributes.
pub trait Op: Send + Sync + Debug + 'static {
    /// Its name in [`OPS`].
    fn name(&self) -> &'static str;

    /// Its attributes as an object.
    fn attributes(&self) -> Tree;

    /// Dtypes and shapes of the outputs; fails when the inputs do not fit.
    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>>;

    /// The plain definition. Half-precision floats are computed in float32 and rounded at the end.
    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>>;

    /// What the gradients of the outputs mean for each input; `None` where nothing flows.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>>;

    /// Whether a gradient flows through the op at all.
    fn is_differentiable(&self) -> bool {
        true
    }

    /// The same in simpler ops, when there is such a way.
    fn decompose(&self, _inputs: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }

    /// Bodies of loops and branches.
    fn subgraphs(&self) -> Vec<&Graph> {
        Vec::new()
    }

    /// Whether equal inputs always give equal outputs.
    fn is_pure(&self) -> bool {
        true
    }

    /// The op itself, to be recognised by its type.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// Defines the struct of an op: its name in graphs and its attributes.
macro_rules! op {
    (
        $(#[$doc:meta])*
        pub struct $type:ident($name:literal) { $($(#[$field_doc:meta])* pub $field:ident: $field_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type { $($(#[$field_doc])* pub $field: $field_type,)* }

        impl $type {
            /// The op's name in graphs.
            pub const NAME: &'static str = $name;
            pub(crate) const ENTRY: $crate::ops::OpEntry = $crate::ops::OpEntry {
                name: $name,
                read: |_tree| Ok(std::sync::Arc::new(Self {
                    $($field: $crate::ops::registry::read_attribute(_tree, stringify!($field))?,)*
                })),
            };

            fn attribute_tree(&self) -> $crate::Tree {
                #[allow(unused_mut)]
                let mut entries = $crate::Object::new();
                $(entries.insert(
                    stringify!($field).to_owned(),
                    $crate::ops::Attribute::to_tree(&self.$field),
                );)*
                $crate::Tree::Object(entries)
            }
        }
    };
}

/// The methods of [`Op`] that follow from the struct that [`op!`] has made.
macro_rules! op_basics {
    () => {
        fn name(&self) -> &'static str {
            Self::NAME
        }

        fn attributes(&self) -> $crate::Tree {
            self.attribute_tree()
        }

        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    };
}

/// The two methods of an op through which no gradient flows.
macro_rules! not_differentiable {
    () => {
        fn gradient(
            &self,
            g: &$crate::ops::Gradient<'_>,
        ) -> $crate::Result<Vec<Option<$crate::graph::Tensor>>> {
            Ok(vec![None; g.inputs.len()])
        }

        fn is_differentiable(&self) -> bool {
            false
        }
    };
}

/// The ops of a room: `file => Struct, Struct { function, function };` one line a file.
macro_rules! room {
    ($($file:ident => $($type:ident),* { $($function:ident),* };)*) => {
        $(mod $file; pub use $file::{$($type,)* $($function),*};)*

        pub(crate) const ENTRIES: &[$crate::ops::OpEntry] = &[$($($type::ENTRY),*),*];
    };
}

pub(crate) use {not_differentiable, op, op_basics, room};
