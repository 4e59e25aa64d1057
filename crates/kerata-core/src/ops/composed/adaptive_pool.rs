//! Pooling to a fixed number of windows.

use crate::array::Array;
use crate::graph::Tensor;
use crate::ops;
use crate::{Error, Result};

/// The mean of as many windows along each spatial axis of `(batch, spatial…, channels)` as are asked for.
pub fn adaptive_average_pool(x: &Tensor, sizes: &[usize]) -> Result<Tensor> {
    each_axis(
        &ops::to_float(x)?,
        sizes,
        |windows, axis, counts| {
            let sum = ops::sum(windows, &[axis + 1], false)?;
            let mut shape = vec![1i64; sum.rank()];
            shape[axis as usize] = -1;
            ops::divide(
                &sum,
                &ops::reshape(&ops::cast(&sum.builder().constant(counts), sum.dtype())?, shape)?,
            )
        },
        true,
    )
}

/// The largest element of as many windows along each spatial axis of `(batch, spatial…, channels)` as are asked for.
pub fn adaptive_max_pool(x: &Tensor, sizes: &[usize]) -> Result<Tensor> {
    each_axis(x, sizes, |windows, axis, _| ops::max(windows, &[axis + 1], false), false)
}

/// One axis after the other: the elements of every window gathered along a new axis, then reduced. Windows that are shorter
/// than the longest repeat their last element, or hold zeros, which is what sums need.
fn each_axis(
    x: &Tensor,
    sizes: &[usize],
    reduce: impl Fn(&Tensor, i64, Array) -> Result<Tensor>,
    is_sum: bool,
) -> Result<Tensor> {
    if x.rank() != sizes.len() + 2 {
        return Err(Error::mismatch(format!("{} output sizes for {}", sizes.len(), x.shape())));
    }
    let mut x = x.clone();
    for (at, &count) in sizes.iter().enumerate() {
        let axis = at as i64 + 1;
        let size = x.spec().known_axis(axis)?;
        if count == 0 || size == 0 {
            return Err(Error::mismatch(format!("{count} windows over {size} elements")));
        }
        let windows: Vec<(usize, usize)> =
            (0..count).map(|window| (window * size / count, ((window + 1) * size).div_ceil(count))).collect();
        let longest = windows.iter().map(|(start, end)| end - start).max().unwrap_or(1);
        let mut places = Vec::with_capacity(count * longest);
        let mut is_in = Vec::with_capacity(count * longest);
        for &(start, end) in &windows {
            for step in 0..longest {
                places.push((start + step).min(end - 1) as i32);
                is_in.push(start + step < end);
            }
        }
        let counts =
            Array::vector(windows.iter().map(|(start, end)| (end - start) as i32).collect::<Vec<_>>());
        let builder = x.builder().clone();
        let mut gathered =
            ops::take(&x, &builder.constant(Array::from_vec([count, longest], places)?), Some(axis))?;
        if is_sum && is_in.iter().any(|is_in| !is_in) {
            let mut shape = vec![1; gathered.rank()];
            (shape[at + 1], shape[at + 2]) = (count, longest);
            let mask = builder.constant(Array::from_bools(shape, is_in)?);
            gathered = ops::multiply(&gathered, &ops::cast(&mask, gathered.dtype())?)?;
        }
        x = reduce(&gathered, axis, counts)?;
    }
    Ok(x)
}
