//! `one_hot` and `multi_hot`: classes as vectors.

use crate::graph::Tensor;
use crate::ops;
use crate::{DType, Result};

/// A vector of zeros with a one at the place of each class, along a new axis; classes outside give zeros only.
pub fn one_hot(classes: &Tensor, depth: usize, axis: i64, dtype: DType) -> Result<Tensor> {
    let classes =
        if classes.dtype().is_integer() { classes.clone() } else { ops::cast(classes, DType::Int32)? };
    let places = ops::iota(classes.builder(), depth, classes.dtype())?;
    let is_class = ops::equal(&ops::expand_dims(&classes, -1)?, &places)?;
    let hot = ops::cast(&is_class, dtype)?;
    if axis == -1 { Ok(hot) } else { ops::moveaxis(&hot, &[-1], &[axis]) }
}

/// The union of the one-hot vectors along the last axis of the classes.
pub fn multi_hot(classes: &Tensor, depth: usize, dtype: DType) -> Result<Tensor> {
    let hot = one_hot(classes, depth, -1, dtype)?;
    if classes.rank() == 0 {
        return Ok(hot);
    }
    ops::max(&hot, &[-2], false)
}
