//! `tile` and `repeat`: elements taken several times.

use crate::graph::Tensor;
use crate::ops::{self, Size};
use crate::{Error, Result};

/// A tensor put beside itself so many times along each axis; missing leading counts are 1.
pub fn tile(x: &Tensor, counts: &[usize]) -> Result<Tensor> {
    let mut x = x.clone();
    while x.rank() < counts.len() {
        x = ops::expand_dims(&x, 0)?;
    }
    let lead = x.rank() - counts.len();
    for (at, &count) in counts.iter().enumerate() {
        x = copies(&x, lead + at, count, false)?;
    }
    Ok(x)
}

/// Every element along an axis so many times.
pub fn repeat(x: &Tensor, count: usize, axis: i64) -> Result<Tensor> {
    copies(x, x.spec().axis(axis)?, count, true)
}

/// Elements along an axis as often as a list says.
pub fn repeat_each(x: &Tensor, counts: &[usize], axis: i64) -> Result<Tensor> {
    let size = x.spec().known_axis(axis)?;
    if counts.len() != size {
        return Err(Error::mismatch(format!("{} counts for an axis of {size}", counts.len())));
    }
    let places: Vec<i32> =
        counts.iter().enumerate().flat_map(|(at, &count)| std::iter::repeat_n(at as i32, count)).collect();
    ops::take(x, &x.builder().constant(crate::Array::vector(places)), Some(axis))
}

/// Copies of an axis: of each element in turn, or of the whole.
fn copies(x: &Tensor, axis: usize, count: usize, each: bool) -> Result<Tensor> {
    if count == 1 {
        return Ok(x.clone());
    }
    let new = axis + usize::from(each);
    let expanded = ops::expand_dims(x, new as i64)?;
    let mut sizes = x.sizes();
    sizes.insert(new, Size::Known(count as u64));
    let stretched = ops::broadcast_to(&expanded, sizes)?;
    let joined = |at: usize| match x.spec().size(axis) {
        _ if at != axis => x.size(at),
        Some(size) => Size::Known((size * count) as u64),
        None => Size::Infer,
    };
    ops::reshape(&stretched, (0..x.rank()).map(joined))
}
