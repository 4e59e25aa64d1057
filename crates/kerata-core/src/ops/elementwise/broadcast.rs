//! Broadcasting: shapes that meet, elements that meet, gradients that go back.

use crate::array::element_count;
use crate::graph::{Tensor, TensorSpec};
use crate::{Error, Result, Shape, ops};

/// The shape in which shapes meet, as numpy's broadcasting; an unknown axis meets a known one above 1 in that one.
pub fn broadcast_shapes(shapes: &[&Shape]) -> Result<Shape> {
    let rank = shapes.iter().map(|shape| shape.rank()).max().unwrap_or(0);
    (0..rank)
        .map(|axis| {
            let mut met = Some(1);
            for shape in shapes {
                let Some(own) = (axis + shape.rank()).checked_sub(rank) else { continue };
                met = match (met, shape.axes()[own]) {
                    (Some(1), size) => size,
                    (size, Some(1)) => size,
                    (None, size) => size,
                    (size, None) => size,
                    (Some(a), Some(b)) if a == b => Some(a),
                    _ => {
                        let list = shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
                        return Err(Error::mismatch(format!("shapes {list} do not broadcast")));
                    }
                };
            }
            Ok(met)
        })
        .collect()
}

/// The spec in which tensors of one dtype meet.
pub fn broadcast_specs(inputs: &[TensorSpec]) -> Result<TensorSpec> {
    let first = inputs.first().ok_or_else(|| Error::internal("no inputs"))?;
    if let Some(other) = inputs.iter().find(|other| other.dtype != first.dtype) {
        return Err(Error::mismatch(format!("{} meets {}", first.dtype, other.dtype)));
    }
    let shapes: Vec<&Shape> = inputs.iter().map(|input| &input.shape).collect();
    Ok(TensorSpec::new(first.dtype, broadcast_shapes(&shapes)?))
}

/// Axes of a broadcast pair merged as far as both sides step evenly.
struct Rows {
    /// Size, step of a, step of b; the last is the innermost.
    axes: Vec<(usize, usize, usize)>,
}

impl Rows {
    fn new(a: &[usize], b: &[usize], out: &[usize]) -> Self {
        let padded = |shape: &[usize]| {
            let mut sizes = vec![1; out.len() - shape.len()];
            sizes.extend_from_slice(shape);
            sizes
        };
        let (a, b) = (padded(a), padded(b));
        let mut axes: Vec<(usize, usize, usize)> = Vec::new();
        let (mut step_a, mut step_b) = (1, 1);
        for axis in (0..out.len()).rev() {
            if out[axis] != 1 {
                let own_a = if a[axis] == 1 { 0 } else { step_a };
                let own_b = if b[axis] == 1 { 0 } else { step_b };
                match axes.last_mut() {
                    // One step of the outer axis is a whole run of the inner one, on both sides.
                    Some((size, inner_a, inner_b))
                        if *inner_a * *size == own_a && *inner_b * *size == own_b =>
                    {
                        *size *= out[axis];
                    }
                    _ => axes.push((out[axis], own_a, own_b)),
                }
            }
            step_a *= a[axis];
            step_b *= b[axis];
        }
        axes.reverse();
        Self { axes }
    }
}

/// Applies a function to the elements that meet.
pub fn zip<A: Clone, B: Clone, R>(
    (a, a_shape): (&[A], &[usize]),
    (b, b_shape): (&[B], &[usize]),
    out: &[usize],
    f: impl Fn(A, B) -> R,
) -> Result<Vec<R>> {
    let count = element_count(out)?;
    let mut result = Vec::with_capacity(count);
    if count == 0 {
        return Ok(result);
    }
    let rows = Rows::new(a_shape, b_shape, out);
    let Some((&(size, step_a, step_b), outer)) = rows.axes.split_last() else {
        result.push(f(a[0].clone(), b[0].clone()));
        return Ok(result);
    };
    let sizes: Vec<usize> = outer.iter().map(|axis| axis.0).collect();
    let steps = |pick: fn(&(usize, usize, usize)) -> usize| -> Vec<isize> {
        outer.iter().map(|axis| pick(axis) as isize).collect()
    };
    let starts_a = crate::array::permutation(&sizes, &steps(|axis| axis.1), 0);
    let starts_b = crate::array::permutation(&sizes, &steps(|axis| axis.2), 0);
    for (start_a, start_b) in starts_a.into_iter().zip(starts_b) {
        let (a, b) = (&a[start_a..], &b[start_b..]);
        match (step_a, step_b) {
            (0, 0) => result.extend((0..size).map(|_| f(a[0].clone(), b[0].clone()))),
            (0, _) => result.extend(b[..size].iter().map(|b| f(a[0].clone(), b.clone()))),
            (_, 0) => result.extend(a[..size].iter().map(|a| f(a.clone(), b[0].clone()))),
            _ => result.extend(a[..size].iter().zip(&b[..size]).map(|(a, b)| f(a.clone(), b.clone()))),
        }
    }
    Ok(result)
}

/// A gradient summed over the axes along which its input was stretched.
pub fn unbroadcast(grad: &Tensor, input: &Tensor) -> Result<Tensor> {
    let (from, to) = (grad.shape().axes(), input.shape().axes());
    let Some(lead) = from.len().checked_sub(to.len()) else {
        return Err(Error::internal(format!("gradient {} of input {}", grad.shape(), input.shape())));
    };
    if to.iter().zip(&from[lead..]).any(|(to, from)| to.is_none() || (from.is_none() && *to != Some(1))) {
        // Whether the axis was stretched is known only at run time.
        return ops::sum_like(grad, input);
    }
    let stretched: Vec<i64> = (0..from.len())
        .filter(|&axis| axis < lead || (to[axis - lead] == Some(1) && from[axis] != Some(1)))
        .map(|axis| axis as i64)
        .collect();
    if stretched.is_empty() {
        return Ok(grad.clone());
    }
    ops::reshape(&ops::sum(grad, &stretched, true)?, input.sizes())
}
