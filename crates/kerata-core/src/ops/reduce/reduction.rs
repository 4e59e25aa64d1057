//! What reductions over axes share.

use half::{bf16, f16};

use crate::array::{Array, Elements};
use crate::graph::{Tensor, TensorSpec};
use crate::ops::{self, Size};
use crate::{DType, Error, Result, Shape};

/// The axes of a reduction from axes as a caller gives them: none means all.
pub fn reduced_axes(x: &TensorSpec, axes: &[i64]) -> Result<Vec<usize>> {
    if axes.is_empty() {
        return Ok((0..x.rank()).collect());
    }
    let mut axes = axes.iter().map(|&axis| x.axis(axis)).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// The shape that is left of a shape.
pub fn reduced_shape(shape: &Shape, axes: &[usize], keepdims: bool) -> Result<Shape> {
    if axes.iter().any(|&axis| axis >= shape.rank()) || axes.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Error::mismatch(format!("axes {axes:?} of {shape}")));
    }
    let kept = shape.axes().iter().enumerate().filter_map(|(axis, &size)| match axes.contains(&axis) {
        true => keepdims.then_some(Some(1)),
        false => Some(size),
    });
    Ok(kept.collect())
}

/// An array with the reduced axes last, as rows: the array, and the length of a row.
pub fn rows(x: &Array, axes: &[usize]) -> Result<(Array, usize)> {
    let kept = (0..x.rank()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let width = axes.iter().map(|&axis| x.shape()[axis]).product();
    Ok((if order.is_sorted() { x.clone() } else { x.transpose(&order)? }, width))
}

/// Reduces every row of `width` elements; a row may be empty.
pub fn fold_rows<T, R>(v: &[T], width: usize, count: usize, f: impl Fn(&[T]) -> R) -> Vec<R> {
    (0..count).map(|row| f(&v[row * width..(row + 1) * width])).collect()
}

/// Reduces the rows of a numeric array in its own dtype.
pub fn reduce_numbers(
    x: &Array,
    axes: &[usize],
    shape: Vec<usize>,
    floats: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
    integers: impl Fn(&mut dyn Iterator<Item = i128>) -> i128,
) -> Result<Array> {
    let (x, width) = rows(x, axes)?;
    let count = crate::array::element_count(&shape)?;
    macro_rules! floats {
        ($variant:ident, $v:expr, $narrow:expr) => {
            Elements::$variant(
                fold_rows($v, width, count, |row| $narrow(floats(&mut row.iter().map(|&x| f64::from(x)))))
                    .into(),
            )
        };
    }
    macro_rules! integers {
        ($variant:ident, $v:expr, $type:ty) => {
            Elements::$variant(
                fold_rows($v, width, count, |row| integers(&mut row.iter().map(|&x| x.into())) as $type)
                    .into(),
            )
        };
    }
    let elements = match x.elements() {
        Elements::Float32(v) => floats!(Float32, v, |x| x as f32),
        Elements::Float64(v) => floats!(Float64, v, |x| x),
        Elements::Float16(v) => floats!(Float16, v, f16::from_f64),
        Elements::Bfloat16(v) => floats!(Bfloat16, v, bf16::from_f64),
        Elements::Int8(v) => integers!(Int8, v, i8),
        Elements::Int16(v) => integers!(Int16, v, i16),
        Elements::Int32(v) => integers!(Int32, v, i32),
        Elements::Int64(v) => integers!(Int64, v, i64),
        Elements::Uint8(v) => integers!(Uint8, v, u8),
        Elements::Uint16(v) => integers!(Uint16, v, u16),
        Elements::Uint32(v) => integers!(Uint32, v, u32),
        Elements::Uint64(v) => integers!(Uint64, v, u64),
        other => return Err(Error::mismatch(format!("elements of {} are not reduced", other.dtype()))),
    };
    Array::new(shape, elements)
}

/// Whether a dtype is taken by numeric reductions.
pub fn is_number(dtype: DType) -> bool {
    !matches!(dtype, DType::Bool | DType::String | DType::Opaque(_) | DType::Int4 | DType::Uint4)
        && !matches!(dtype, DType::Float8E4m3fn | DType::Float8E5m2)
}

/// A reduced tensor with its axes back as axes of size 1, ready to broadcast against `x`.
pub fn restore_axes(reduced: &Tensor, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let sizes = (0..x.rank()).map(|axis| if axes.contains(&axis) { Size::Known(1) } else { x.size(axis) });
    ops::reshape(reduced, sizes)
}
