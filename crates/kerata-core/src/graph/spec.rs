//! `TensorSpec`: what is known of a tensor before it is run; `Inputs`: asking for the expected number of inputs.

use std::fmt;

use crate::{DType, Error, Result, Shape};

/// Dtype and shape of a tensor; axes that are `None` are not known until it is run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorSpec {
    /// Element type.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Shape,
}

impl TensorSpec {
    /// A spec.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { dtype, shape: shape.into() }
    }

    /// The same shape with another dtype.
    #[must_use]
    pub fn with_dtype(&self, dtype: DType) -> Self {
        Self { dtype, shape: self.shape.clone() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// Position of an axis, counting from the end when negative.
    pub fn axis(&self, axis: i64) -> Result<usize> {
        self.shape.axis(axis)
    }

    /// Size of an axis that must be known.
    pub fn known_axis(&self, axis: i64) -> Result<usize> {
        let position = self.shape.axis(axis)?;
        self.size(position).ok_or_else(|| {
            Error::mismatch(format!("the size of axis {axis} of {} must be known", self.shape))
        })
    }

    /// Size of the axis at a position, when known.
    pub fn size(&self, position: usize) -> Option<usize> {
        self.shape.axes().get(position).copied().flatten().and_then(|size| usize::try_from(size).ok())
    }

    /// Sizes of all axes; fails unless all are known, as they are for arrays.
    pub fn sizes(&self) -> Result<Vec<usize>> {
        (0..self.rank())
            .map(|axis| self.size(axis))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::mismatch(format!("the sizes of {} must be known", self.shape)))
    }
}

/// `float32(None, 3)`.
impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// Asking a list of inputs for the number that is expected.
pub trait Inputs<T> {
    /// The only one.
    fn only(&self) -> Result<&T>;

    /// Exactly as many as are asked for.
    fn exactly<const N: usize>(&self) -> Result<&[T; N]>;
}

impl<T> Inputs<T> for [T] {
    fn only(&self) -> Result<&T> {
        let [one] = self.exactly::<1>()?;
        Ok(one)
    }

    fn exactly<const N: usize>(&self) -> Result<&[T; N]> {
        self.try_into().map_err(|_| Error::mismatch(format!("expected {N} inputs, found {}", self.len())))
    }
}
