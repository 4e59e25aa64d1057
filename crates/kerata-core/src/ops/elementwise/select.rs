//! `where`: elements of one tensor or another as a condition says.

use super::broadcast::broadcast_shapes;
use super::unbroadcast;
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
use crate::{DType, Error, Result};

op! {
    /// Elements of the second input where the first, a bool, is true, else of the third.
    pub struct Select("where") {}
}

/// Elements of `a` where `condition` is true, else of `b` (`keras.ops.where`, which is a reserved word here).
pub fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let condition = ops::cast(condition, DType::Bool)?;
    let mut inputs = vec![condition];
    inputs.extend(if a.dtype() == b.dtype() { vec![a.clone(), b.clone()] } else { promote(&[a, b])? });
    GraphBuilder::innermost(&inputs)?.add_one(Select {}, &inputs)
}

impl Op for Select {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [condition, a, b] = inputs.exactly()?;
        if condition.dtype != DType::Bool || a.dtype != b.dtype {
            return Err(Error::mismatch(format!("where({}, {}, {})", condition.dtype, a.dtype, b.dtype)));
        }
        let shape = broadcast_shapes(&[&condition.shape, &a.shape, &b.shape])?;
        Ok(vec![TensorSpec::new(a.dtype, shape)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [condition, a, b] = inputs.exactly()?;
        let out = self.spec(&[condition.spec(), a.spec(), b.spec()])?.only()?.sizes()?;
        let count = crate::array::element_count(&out)?;
        let [condition, a, b] = [condition.broadcast_to(&out)?, a.broadcast_to(&out)?, b.broadcast_to(&out)?];
        // Both choices lie in one array behind each other; the condition gives positions in it.
        let both = Array::join(&[&a.reshape([count])?, &b.reshape([count])?], 0)?;
        let places: Vec<usize> =
            condition.as_bools()?.iter().enumerate().map(|(at, &c)| if c != 0 { at } else { count + at }).collect();
        Ok(vec![both.take_runs(&places, 1, out)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (grad, condition) = (g.grad(0)?, g.input(0)?);
        let zero = ops::scalar(&grad, 0)?;
        Ok(vec![
            None,
            Some(unbroadcast(&select(condition, &grad, &zero)?, g.input(1)?)?),
            Some(unbroadcast(&select(condition, &zero, &grad)?, g.input(2)?)?),
        ])
    }
}
