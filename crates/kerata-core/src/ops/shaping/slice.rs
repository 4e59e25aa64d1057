//! `slice`: every so many elements of a range along each axis, as Python slices.

use crate::array::{Array, strides};
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Attribute, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape, Tree};

/// A Python slice: `start:stop:step`, bounds counting from the end when negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First element.
    pub start: Option<i64>,
    /// End, not included.
    pub stop: Option<i64>,
    /// Distance between elements, not 0.
    pub step: i64,
}

impl Range {
    /// The whole axis.
    pub const ALL: Self = Self { start: None, stop: None, step: 1 };
    /// The whole axis backwards.
    pub const REVERSED: Self = Self { start: None, stop: None, step: -1 };

    /// From a start to an end.
    pub fn new(start: i64, stop: i64) -> Self {
        Self { start: Some(start), stop: Some(stop), step: 1 }
    }

    /// From a start to the end of the axis.
    pub fn from(start: i64) -> Self {
        Self { start: Some(start), stop: None, step: 1 }
    }

    /// From the beginning of the axis to an end.
    pub fn to(stop: i64) -> Self {
        Self { start: None, stop: Some(stop), step: 1 }
    }

    /// The first element and the number of elements of an axis of a size.
    pub fn resolve(self, size: usize) -> (i64, usize) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let (low, high) = if self.step > 0 { (0, size) } else { (-1, size - 1) };
        let bound = |bound: Option<i64>, default: i64| match bound {
            None => default,
            Some(at) => (if at < 0 { at.saturating_add(size) } else { at }).clamp(low, high),
        };
        let (first, last) = if self.step > 0 { (low, high) } else { (high, low) };
        let (start, stop) = (bound(self.start, first), bound(self.stop, last));
        let span = if self.step > 0 { stop - start } else { start - stop };
        let count = if span > 0 { (span - 1) / self.step.saturating_abs() + 1 } else { 0 };
        (start, usize::try_from(count).unwrap_or(0))
    }
}

/// `[start, stop, step]` with `null` for open ends.
impl Attribute for Range {
    fn to_tree(&self) -> Tree {
        Tree::List(vec![self.start.to_tree(), self.stop.to_tree(), self.step.into()])
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        match tree.as_list() {
            Some([start, stop, step]) => Ok(Self {
                start: Attribute::from_tree(start)?,
                stop: Attribute::from_tree(stop)?,
                step: i64::from_tree(step)?,
            }),
            _ => Err(Error::corrupt("a slice is a list of start, stop and step")),
        }
    }
}

op! {
    /// A range along each axis.
    pub struct Slice("slice") {
        /// One for each axis.
        pub ranges: Vec<Range>,
    }
}

/// A range along each of the first axes; the rest are taken whole.
pub fn slice(x: &Tensor, ranges: &[Range]) -> Result<Tensor> {
    let mut ranges = ranges.to_vec();
    ranges.resize(ranges.len().max(x.rank()), Range::ALL);
    if ranges.iter().all(|range| *range == Range::ALL) && ranges.len() == x.rank() {
        return Ok(x.clone());
    }
    x.apply(Slice { ranges })
}

/// A range along one axis.
pub fn slice_axis(x: &Tensor, axis: i64, range: Range) -> Result<Tensor> {
    let mut ranges = vec![Range::ALL; x.rank()];
    ranges[x.spec().axis(axis)?] = range;
    slice(x, &ranges)
}

/// The element at a place along an axis, without the axis; the place counts from the end when negative.
pub fn index(x: &Tensor, axis: i64, place: i64) -> Result<Tensor> {
    let stop = if place == -1 { None } else { Some(place + 1) };
    let one = slice_axis(x, axis, Range { start: Some(place), stop, step: 1 })?;
    let axis = x.spec().axis(axis)?;
    ops::reshape(&one, (0..x.rank()).filter(|&at| at != axis).map(|at| x.size(at)))
}

/// The elements in reverse order along axes (none: all).
pub fn flip(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let mut ranges = vec![if axes.is_empty() { Range::REVERSED } else { Range::ALL }; x.rank()];
    for &axis in axes {
        ranges[x.spec().axis(axis)?] = Range::REVERSED;
    }
    slice(x, &ranges)
}

/// The sizes of a slice.
fn sliced(x: &TensorSpec, ranges: &[Range]) -> Result<Shape> {
    if ranges.len() != x.rank() || ranges.iter().any(|range| range.step == 0) {
        return Err(Error::mismatch(format!("{} ranges, or one of step 0, for {}", ranges.len(), x.shape)));
    }
    // Of an axis that is not known, `0:1` may still give nothing.
    let size = |(axis, range): (usize, &Range)| x.size(axis).map(|size| range.resolve(size).1 as u64);
    Ok(ranges.iter().enumerate().map(size).collect())
}

impl Op for Slice {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        Ok(vec![TensorSpec::new(x.dtype, sliced(x, &self.ranges)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let (start, steps) = view(x.shape(), &self.ranges);
        Ok(vec![x.take_strided(shape, &steps, start)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let back = super::unslice::unslice(&g.grad(0)?, g.input(0)?, &self.ranges)?;
        Ok(vec![Some(back)])
    }
}

/// Where a slice begins and how it steps in the elements of an array.
pub(super) fn view(shape: &[usize], ranges: &[Range]) -> (isize, Vec<isize>) {
    let own = strides(shape);
    let mut start = 0;
    let mut steps = Vec::with_capacity(ranges.len());
    for ((&size, range), &step) in shape.iter().zip(ranges).zip(&own) {
        start += range.resolve(size).0.max(0) as isize * step as isize;
        steps.push(range.step as isize * step as isize);
    }
    (start, steps)
}
