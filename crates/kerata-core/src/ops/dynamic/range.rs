//! `range`: numbers in even steps between bounds that are computed in the graph.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics, promote};
use crate::{Error, Result, Shape};

op! {
    /// From the first input to before the second in steps of the third, all scalars of one dtype.
    pub struct RangeOf("range") {}
}

/// Numbers from a start to before an end in even steps, all computed in the graph.
pub fn range(start: &Tensor, stop: &Tensor, step: &Tensor) -> Result<Tensor> {
    let inputs = promote(&[start, stop, step])?;
    GraphBuilder::innermost(&inputs)?.add_one(RangeOf {}, &inputs)
}

impl Op for RangeOf {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [start, stop, step] = inputs.exactly()?;
        let is_number = start.dtype.is_integer() || start.dtype.is_float();
        if [start, stop, step].iter().any(|bound| bound.rank() != 0 || bound.dtype != start.dtype) || !is_number {
            return Err(Error::mismatch(format!("a range from {start} to {stop} in steps of {step}")));
        }
        Ok(vec![TensorSpec::new(start.dtype, Shape::new([None]))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [start, stop, step] = inputs.exactly()?;
        self.spec(&[start.spec(), stop.spec(), step.spec()])?;
        let (from, to, by) = (start.to_f64()?, stop.to_f64()?, step.to_f64()?);
        let count = ((to - from) / by).ceil().max(0.0);
        if by == 0.0 || !count.is_finite() || count > 1e12 {
            return Err(Error::mismatch(format!("a range from {from} to {to} in steps of {by}")));
        }
        crate::array::element_count(&[count as usize])?;
        let values = (0..count as usize).map(|at| from + at as f64 * by).collect();
        Ok(vec![Array::vector::<f64>(values).cast(start.dtype())?])
    }
}
