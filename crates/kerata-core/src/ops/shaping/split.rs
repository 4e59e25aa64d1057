//! `split`: a tensor cut along an axis into parts of given sizes.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// The input cut into parts.
    pub struct Split("split") {
        /// Sizes of the parts.
        pub sizes: Vec<usize>,
        /// Along which axis.
        pub axis: usize,
    }
}

/// A tensor cut along an axis into equal parts.
pub fn split(x: &Tensor, count: usize, axis: i64) -> Result<Vec<Tensor>> {
    let size = x.spec().known_axis(axis)?;
    if count == 0 || size % count != 0 {
        return Err(Error::mismatch(format!("axis of {size} is not cut into {count} equal parts")));
    }
    split_sizes(x, &vec![size / count; count], axis)
}

/// A tensor cut along an axis into parts of these sizes.
pub fn split_sizes(x: &Tensor, sizes: &[usize], axis: i64) -> Result<Vec<Tensor>> {
    let axis = x.spec().axis(axis)?;
    if sizes.len() == 1 && x.spec().size(axis) == sizes.first().copied() {
        return Ok(vec![x.clone()]);
    }
    x.builder().add(Split { sizes: sizes.to_vec(), axis }, std::slice::from_ref(x))
}

/// The parts of size 1 along an axis, without it.
pub fn unstack(x: &Tensor, axis: i64) -> Result<Vec<Tensor>> {
    let size = x.spec().known_axis(axis)?;
    split_sizes(x, &vec![1; size], axis)?.iter().map(|part| ops::squeeze(part, &[axis])).collect()
}

impl Op for Split {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let size = x.shape.axes().get(self.axis);
        let size = size.ok_or_else(|| Error::mismatch(format!("axis {} of {}", self.axis, x.shape)))?;
        let total = self.sizes.iter().try_fold(0u64, |sum, &size| sum.checked_add(size as u64));
        if total.is_none() || size.is_some_and(|size| Some(size) != total) {
            return Err(Error::mismatch(format!("axis {} of {} cut into {:?}", self.axis, x.shape, self.sizes)));
        }
        let part = |&size: &usize| {
            let mut axes = x.shape.axes().to_vec();
            axes[self.axis] = Some(size as u64);
            TensorSpec::new(x.dtype, Shape::new(axes))
        };
        Ok(self.sizes.iter().map(part).collect())
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&[inputs.only()?.spec()])?;
        inputs.only()?.cut(&self.sizes, self.axis)
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grads = (0..g.outputs.len()).map(|index| g.grad(index)).collect::<Result<Vec<_>>>()?;
        Ok(vec![Some(ops::concatenate(&grads, self.axis as i64)?)])
    }
}
