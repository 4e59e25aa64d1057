//! `Size` and `Dim`: sizes of axes that may be known only at run time.

use crate::graph::{Tensor, TensorSpec};
use crate::ops::Attribute;
use crate::{Error, Result, Shape, Tree};

/// The size of an axis as a caller gives it to `reshape`, `full`, `broadcast_to`.
#[derive(Clone, Debug)]
pub enum Size {
    /// A number.
    Known(u64),
    /// What is left over (once, in `reshape`).
    Infer,
    /// The size of an axis of a tensor, taken when the graph is run.
    Of(Tensor, usize),
}

/// The size of an axis as an op keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A number.
    Known(u64),
    /// What is left over.
    Infer,
    /// The size of an axis of one of the op's inputs.
    Of {
        /// Which input.
        input: usize,
        /// Which of its axes.
        axis: usize,
    },
}

macro_rules! sizes_from {
    ($($type:ty)*) => { $(
        /// -1 is [`Size::Infer`].
        impl From<$type> for Size {
            fn from(size: $type) -> Self {
                u64::try_from(size).map_or(Self::Infer, Self::Known)
            }
        }
    )* };
}

sizes_from!(i32 i64 u64 usize);

impl From<&Size> for Size {
    fn from(size: &Size) -> Self {
        size.clone()
    }
}

/// `16`, `-1`, or `[input, axis]`.
impl Attribute for Dim {
    fn to_tree(&self) -> Tree {
        match *self {
            Self::Known(size) => size.into(),
            Self::Infer => Tree::Int(-1),
            Self::Of { input, axis } => Tree::List(vec![input.into(), axis.into()]),
        }
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        match tree {
            Tree::Int(-1) => Ok(Self::Infer),
            Tree::List(_) => {
                let (input, axis) = <(usize, usize)>::from_tree(tree)?;
                Ok(Self::Of { input, axis })
            }
            _ => u64::from_tree(tree).map(Self::Known),
        }
    }
}

/// Turns sizes into dims; tensors whose axes are asked for are appended to `inputs`, each once.
pub fn dims(sizes: impl IntoIterator<Item = impl Into<Size>>, inputs: &mut Vec<Tensor>) -> Vec<Dim> {
    sizes
        .into_iter()
        .map(|size| match size.into() {
            Size::Known(size) => Dim::Known(size),
            Size::Infer => Dim::Infer,
            Size::Of(tensor, axis) => match tensor.spec().size(axis) {
                Some(size) => Dim::Known(size as u64),
                None => {
                    let input = inputs.iter().position(|input| input.is(&tensor)).unwrap_or_else(|| {
                        inputs.push(tensor);
                        inputs.len() - 1
                    });
                    Dim::Of { input, axis }
                }
            },
        })
        .collect()
}

/// The shape that dims stand for; `Dim::Infer` gives an unknown axis here.
pub fn shape_of_dims(dims: &[Dim], inputs: &[TensorSpec]) -> Result<Shape> {
    dims.iter()
        .map(|dim| match *dim {
            Dim::Known(size) => Ok(Some(size)),
            Dim::Infer => Ok(None),
            Dim::Of { input, axis } => {
                let axes = inputs.get(input).map(|spec| spec.shape.axes());
                axes.and_then(|axes| axes.get(axis).copied())
                    .ok_or_else(|| Error::mismatch(format!("no axis {axis} of input {input}")))
            }
        })
        .collect()
}
