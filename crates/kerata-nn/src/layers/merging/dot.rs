//! `Dot`: products of the vectors of two tensors.

use crate::layers::prelude::*;

config! {
    /// Multiplies the vectors along one axis of each of two tensors, for each item of the batch.
    pub struct Dot(
        /// The axis, or one for each tensor.
        axes: Axes,
    ) {
        /// Whether the vectors are given length one before.
        normalize: bool = false,
    }
}

impl Dot {
    fn axis(&self, tensor: &Tensor, which: usize) -> Result<i64> {
        let axes = self.axes.list();
        let axis = axes.get(which).or(axes.first()).ok_or_else(|| Error::corrupt("`axes` is empty"))?;
        match tensor.spec().axis(*axis)? {
            0 => Err(Error::mismatch("the batch cannot be multiplied over")),
            axis => Ok(axis as i64),
        }
    }
}

impl Layer for Dot {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [a, b] = inputs.exactly()?;
        let (axis_a, axis_b) = (self.axis(a, 0)?, self.axis(b, 1)?);
        let (mut a, mut b) = (a.clone(), b.clone());
        if self.normalize {
            a = unit_length(&a, axis_a)?;
            b = unit_length(&b, axis_b)?;
        }
        // Rows of the first, columns of the second tensor, with the other axes flat.
        let rows = ops::moveaxis(&a, &[axis_a], &[-1])?;
        let columns = ops::moveaxis(&b, &[axis_b], &[1])?;
        let width = rows.size(rows.rank() - 1);
        let left = ops::reshape(&rows, [rows.size(0), ops::Size::Infer, width.clone()])?;
        let right = ops::reshape(&columns, [columns.size(0), width, ops::Size::Infer])?;
        let product = ops::matmul(&left, &right)?;
        let mut sizes = rows.sizes();
        sizes.pop();
        sizes.extend(columns.sizes().into_iter().skip(2));
        if sizes.len() == 1 {
            sizes.push(ops::Size::Known(1));
        }
        Ok(vec![ops::reshape(&product, sizes)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(&self, _: &Scope, _: &[Tensor], _: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(Vec::new())
    }
}

/// Vectors of length one; Keras keeps squares from being smaller than 1e-12.
fn unit_length(x: &Tensor, axis: i64) -> Result<Tensor> {
    let squares = ops::sum(&ops::square(x)?, &[axis], true)?;
    ops::divide(x, &ops::sqrt(&ops::maximum(&squares, &ops::scalar(&squares, 1e-12)?)?)?)
}
