//! `concat`: tensors put behind each other along an axis.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
use crate::{Error, Result, Shape};

op! {
    /// Inputs of one dtype put behind each other.
    pub struct Concat("concat") {
        /// Along which axis.
        pub axis: usize,
    }
}

/// Tensors put behind each other along an axis.
pub fn concatenate(tensors: &[Tensor], axis: i64) -> Result<Tensor> {
    let first = tensors.first().ok_or_else(|| Error::usage("nothing to concatenate"))?;
    let axis = first.spec().axis(axis)?;
    let inputs = if tensors.iter().all(|tensor| tensor.dtype() == first.dtype()) {
        tensors.to_vec()
    } else {
        promote(&tensors.iter().collect::<Vec<_>>())?
    };
    if inputs.len() == 1 {
        return Ok(inputs[0].clone());
    }
    GraphBuilder::innermost(&inputs)?.add_one(Concat { axis }, &inputs)
}

/// Tensors of one shape put behind each other along a new axis.
pub fn stack(tensors: &[Tensor], axis: i64) -> Result<Tensor> {
    let first = tensors.first().ok_or_else(|| Error::usage("nothing to stack"))?;
    let axis = if axis < 0 { axis + first.rank() as i64 + 1 } else { axis };
    let expanded = tensors.iter().map(|tensor| ops::expand_dims(tensor, axis)).collect::<Result<Vec<_>>>()?;
    concatenate(&expanded, axis)
}

impl Op for Concat {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let first = inputs.first().ok_or_else(|| Error::mismatch("nothing to concatenate"))?;
        let mut axes = first.shape.axes().to_vec();
        if self.axis >= axes.len() {
            return Err(Error::mismatch(format!("axis {} of {}", self.axis, first.shape)));
        }
        for other in &inputs[1..] {
            let mismatch = || Error::mismatch(format!("{other} beside {first} along axis {}", self.axis));
            if other.dtype != first.dtype || other.rank() != first.rank() {
                return Err(mismatch());
            }
            for (at, (axis, &size)) in axes.iter_mut().zip(other.shape.axes()).enumerate() {
                *axis = match (*axis, size) {
                    (Some(a), Some(b)) if at == self.axis => a.checked_add(b),
                    _ if at == self.axis => None,
                    (Some(a), Some(b)) if a != b => return Err(mismatch()),
                    (a, b) => a.or(b),
                };
            }
        }
        Ok(vec![TensorSpec::new(first.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&inputs.iter().map(Array::spec).collect::<Vec<_>>())?;
        Ok(vec![Array::join(&inputs.iter().collect::<Vec<_>>(), self.axis)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let grad = g.grad(0)?;
        Ok(ops::split_like(&grad, g.inputs, self.axis)?.into_iter().map(Some).collect())
    }
}
