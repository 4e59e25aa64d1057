//! `Tensor`: a value of a graph that is being built.

use std::fmt;

use super::{GraphBuilder, TensorSpec, ValueId};
use crate::array::Array;
use crate::ops::{Op, Size};
use crate::{DType, Result, Shape};

/// A symbolic tensor; clones are the same value.
#[derive(Clone)]
pub struct Tensor {
    pub(super) builder: GraphBuilder,
    pub(super) id: ValueId,
    pub(super) spec: TensorSpec,
}

impl Tensor {
    /// What is known of it.
    pub fn spec(&self) -> &TensorSpec {
        &self.spec
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.spec.dtype
    }

    /// Sizes of its axes, as far as known.
    pub fn shape(&self) -> &Shape {
        &self.spec.shape
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.spec.rank()
    }

    /// The tensor that an op with one input and one output makes of it.
    pub fn apply(&self, op: impl Op) -> Result<Self> {
        self.builder.add_one(op, std::slice::from_ref(self))
    }

    /// The builder of its graph.
    pub fn builder(&self) -> &GraphBuilder {
        &self.builder
    }

    /// The value in its graph.
    pub fn id(&self) -> ValueId {
        self.id
    }

    /// The size of an axis for use in `reshape`, `full` and the like: the number when it is known, else what the axis
    /// turns out to be at run time.
    pub fn size(&self, axis: usize) -> Size {
        match self.spec.size(axis) {
            Some(size) => Size::Known(size as u64),
            None => Size::Of(self.clone(), axis),
        }
    }

    /// The sizes of all axes, as [`size`](Self::size) gives them.
    pub fn sizes(&self) -> Vec<Size> {
        (0..self.rank()).map(|axis| self.size(axis)).collect()
    }

    /// Its value when it is a constant.
    pub fn constant(&self) -> Option<Array> {
        self.builder.constant_value(self.id)
    }

    /// Whether both are the same value of the same graph.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id && self.builder.is(&other.builder)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}.{} {}", self.id.node, self.id.output, self.spec)
    }
}
