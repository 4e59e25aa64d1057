//! `pad`: elements added around a tensor.

use super::slice::{Range, slice, slice_axis};
use crate::array::{Array, permutation, strides};
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape, named_attribute};

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// A number.
    Constant,
    /// The elements mirrored at the edge element.
    Reflect,
    /// The elements mirrored at the edge.
    Symmetric,
    /// The edge element.
    Edge,
}

named_attribute!(PadMode { Constant = "constant", Reflect = "reflect", Symmetric = "symmetric", Edge = "edge" });

op! {
    /// A number added around a tensor.
    pub struct Pad("pad") {
        /// How many before and behind each axis.
        pub widths: Vec<(usize, usize)>,
        /// The number.
        pub value: f64,
    }
}

/// Elements added before and behind each axis.
pub fn pad(x: &Tensor, widths: &[(usize, usize)], mode: PadMode, value: f64) -> Result<Tensor> {
    if widths.len() != x.rank() {
        return Err(Error::mismatch(format!("{} pads for {} axes", widths.len(), x.rank())));
    }
    if widths.iter().all(|&width| width == (0, 0)) {
        return Ok(x.clone());
    }
    if mode == PadMode::Constant {
        return x.apply(Pad { widths: widths.to_vec(), value });
    }
    let mut padded = x.clone();
    for (axis, &(before, behind)) in widths.iter().enumerate() {
        let least = before.max(behind) + usize::from(mode == PadMode::Reflect);
        if mode != PadMode::Edge && x.spec().size(axis).is_some_and(|size| size < least) {
            return Err(Error::mismatch(format!("axis {axis} of {} is too short to be mirrored so far", x.shape())));
        }
        padded = mirror(&padded, axis as i64, before as i64, behind as i64, mode)?;
    }
    Ok(padded)
}

/// Mirrored elements added to one axis.
fn mirror(x: &Tensor, axis: i64, before: i64, behind: i64, mode: PadMode) -> Result<Tensor> {
    let mut parts = Vec::new();
    let at = |start: i64, stop: Option<i64>| slice_axis(x, axis, Range { start: Some(start), stop, step: -1 });
    if before > 0 {
        parts.push(match mode {
            PadMode::Reflect => at(before, Some(0))?,
            PadMode::Symmetric => at(before - 1, None)?,
            _ => ops::repeat(&slice_axis(x, axis, Range::to(1))?, before as usize, axis)?,
        });
    }
    parts.push(x.clone());
    if behind > 0 {
        parts.push(match mode {
            PadMode::Reflect => at(-2, Some(-2 - behind))?,
            PadMode::Symmetric => at(-1, Some(-1 - behind))?,
            _ => ops::repeat(&slice_axis(x, axis, Range::from(-1))?, behind as usize, axis)?,
        });
    }
    ops::concatenate(&parts, axis)
}

impl Op for Pad {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if self.widths.len() != x.rank() {
            return Err(Error::mismatch(format!("{} pads for {}", self.widths.len(), x.shape)));
        }
        let grown = self.widths.iter().zip(x.shape.axes()).map(|(&(before, behind), size)| {
            let Some(size) = size else { return Ok(None) };
            let sum = size.checked_add(before as u64).and_then(|sum| sum.checked_add(behind as u64));
            sum.map(Some).ok_or_else(|| Error::limit("a padded axis"))
        });
        Ok(vec![TensorSpec::new(x.dtype, grown.collect::<Result<Shape>>()?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let steps = strides(&shape);
        let start: usize = steps.iter().zip(&self.widths).map(|(step, &(before, _))| step * before).sum();
        let steps: Vec<isize> = steps.into_iter().map(|step| step as isize).collect();
        let mut places = vec![0; crate::array::element_count(&shape)?];
        for (at, place) in permutation(x.shape(), &steps, start as isize).into_iter().enumerate() {
            places[place] = at + 1;
        }
        let value = match x.dtype() {
            crate::DType::String => Array::zeros([1], crate::DType::String)?,
            dtype => Array::full([1], self.value, dtype)?,
        };
        let all = Array::join(&[&value, &x.reshape([x.len()])?], 0)?;
        Ok(vec![all.take_runs(&places, 1, shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let cut = |&(before, behind): &(usize, usize)| Range {
            start: Some(before as i64),
            stop: (behind > 0).then_some(-(behind as i64)),
            step: 1,
        };
        let ranges: Vec<Range> = self.widths.iter().map(cut).collect();
        let cut = slice(&g.grad(0)?, &ranges)?;
        Ok(vec![Some(ops::reshape(&cut, g.input(0)?.sizes())?)])
    }
}
