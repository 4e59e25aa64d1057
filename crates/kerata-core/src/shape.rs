//! `Shape`: sizes of axes, some of them unknown.

use std::fmt;

use crate::{Error, Result};

/// Sizes of the axes of a tensor; `None` is an axis whose size is not known yet (a batch, a length).
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Shape(Vec<Option<u64>>);

impl Shape {
    /// A shape with these axes.
    pub fn new(axes: impl IntoIterator<Item = Option<u64>>) -> Self {
        Self(axes.into_iter().collect())
    }

    /// A shape whose axes are all known.
    pub fn known(axes: impl IntoIterator<Item = u64>) -> Self {
        Self(axes.into_iter().map(Some).collect())
    }

    /// The shape of a scalar: no axes.
    pub fn scalar() -> Self {
        Self(Vec::new())
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The axes.
    pub fn axes(&self) -> &[Option<u64>] {
        &self.0
    }

    /// All sizes, when all are known.
    pub fn sizes(&self) -> Option<Vec<u64>> {
        self.0.iter().copied().collect()
    }

    /// Number of elements, when known and below 2^64.
    pub fn elements(&self) -> Option<u64> {
        self.0.iter().try_fold(1u64, |product, axis| product.checked_mul((*axis)?))
    }

    /// Position of an axis, counting from the end when negative.
    pub fn axis(&self, axis: i64) -> Result<usize> {
        let rank = self.rank() as i64;
        let position = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&position) {
            return Ok(position as usize);
        }
        Err(Error::mismatch(format!("axis {axis} is outside a shape of {rank} axes")))
    }
}

impl<const N: usize> From<[u64; N]> for Shape {
    fn from(axes: [u64; N]) -> Self {
        Self::known(axes)
    }
}

impl From<Vec<u64>> for Shape {
    fn from(axes: Vec<u64>) -> Self {
        Self::known(axes)
    }
}

impl FromIterator<Option<u64>> for Shape {
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(axes: I) -> Self {
        Self(axes.into_iter().collect())
    }
}

/// As Keras prints it: `(None, 28, 28, 1)`, `(3,)`, `()`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (position, axis) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            match axis {
                Some(size) => write!(f, "{size}")?,
                None => f.write_str("None")?,
            }
        }
        f.write_str(if self.rank() == 1 { ",)" } else { ")" })
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_keras_does() {
        assert_eq!(Shape::new([None, Some(3)]).to_string(), "(None, 3)");
        assert_eq!(Shape::known([3]).to_string(), "(3,)");
        assert_eq!(Shape::scalar().to_string(), "()");
    }

    #[test]
    fn elements_never_overflow() {
        assert_eq!(Shape::known([2, 3]).elements(), Some(6));
        assert_eq!(Shape::known([1 << 40, 1 << 40]).elements(), None);
        assert_eq!(Shape::new([None]).elements(), None);
    }

    #[test]
    fn negative_axes_count_from_the_end() {
        assert_eq!(Shape::known([2, 3]).axis(-1).unwrap(), 1);
        assert!(Shape::known([2, 3]).axis(2).is_err());
    }
}
