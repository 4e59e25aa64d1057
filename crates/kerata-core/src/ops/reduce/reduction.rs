//! What reductions over axes share.

use crate::array::{Array, Elements};
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Size};
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

/// How a row of numbers becomes one number.
pub trait ReduceRule {
    /// Whether whole numbers are taken; else the free function casts them to float32.
    const INTEGERS: bool = true;

    /// Whether the free function takes small whole numbers as larger ones.
    const WIDENS: bool = false;

    /// Of floats, computed in float64.
    fn floats(row: impl Iterator<Item = f64> + Clone) -> f64;

    /// Of whole numbers; wraps around.
    fn integers(_row: impl Iterator<Item = i128>) -> i128 {
        0
    }

    /// The gradient of the input.
    fn gradient(g: &Gradient<'_>, axes: &[usize]) -> Result<Option<Tensor>>;
}

/// Reduces the rows of a numeric array in its own dtype.
pub fn reduce_numbers<R: ReduceRule>(x: &Array, axes: &[usize], shape: Vec<usize>) -> Result<Array> {
    let (moved, width) = rows(x, axes)?;
    let count = crate::array::element_count(&shape)?;
    if x.dtype().is_integer() {
        let values = moved.to_i128s()?;
        let reduced = fold_rows(&values, width, count, |row| R::integers(row.iter().copied()));
        return Array::from_i128s(shape, reduced, x.dtype());
    }
    if let Elements::Float32(v) = moved.elements() {
        let reduced = fold_rows(v, width, count, |row| R::floats(row.iter().map(|&x| x.into())) as f32);
        return Array::from_vec(shape, reduced);
    }
    let values = moved.to_f64s()?;
    Array::from_vec(shape, fold_rows(&values, width, count, |row| R::floats(row.iter().copied())))?
        .cast(x.dtype())
}

/// The place of the element along an axis that is better than those before it.
pub fn best_place(x: &Array, axis: usize, is_better: impl Fn(f64, f64) -> bool) -> Result<Array> {
    let (moved, width) = rows(x, &[axis])?;
    let mut shape = x.shape().to_vec();
    shape.remove(axis);
    let count = crate::array::element_count(&shape)?;
    if width == 0 && count > 0 {
        return Err(Error::mismatch("no best element among none"));
    }
    // Whole numbers beyond 2^53 are compared through their order in i64 instead.
    let places = match moved.to_i64s() {
        Ok(values) => fold_rows(&values, width, count, |row| {
            (0..row.len()).fold(0, |best, at| {
                if is_better(row[at].cmp(&row[best]) as i32 as f64, 0.0) { at } else { best }
            })
        }),
        Err(_) => fold_rows(&moved.to_f64s()?, width, count, |row| {
            (0..row.len()).fold(0, |best, at| if is_better(row[at], row[best]) { at } else { best })
        }),
    };
    Array::from_vec(shape, places.into_iter().map(|place| place as i32).collect())
}

/// Bools and small whole numbers as int32, or uint32, in which they are added and multiplied.
pub fn widened(x: &Tensor) -> Result<Tensor> {
    match x.dtype() {
        DType::Bool | DType::Int8 | DType::Int16 | DType::Int4 => ops::cast(x, DType::Int32),
        DType::Uint8 | DType::Uint16 | DType::Uint4 => ops::cast(x, DType::Uint32),
        _ => Ok(x.clone()),
    }
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

/// The spec of a numeric reduction.
pub fn spec<R: ReduceRule>(inputs: &[TensorSpec], axes: &[usize], keepdims: bool) -> Result<Vec<TensorSpec>> {
    let x = inputs.only()?;
    if !is_number(x.dtype) || (x.dtype.is_integer() && !R::INTEGERS) || is_complex(x.dtype) {
        return Err(Error::mismatch(format!("elements of {} are not reduced", x.dtype)));
    }
    Ok(vec![TensorSpec::new(x.dtype, reduced_shape(&x.shape, axes, keepdims)?)])
}

fn is_complex(dtype: DType) -> bool {
    matches!(dtype, DType::Complex64 | DType::Complex128)
}

/// The number of elements that each element of a reduction stands for, as a tensor like `like`.
pub fn count_of(x: &Tensor, axes: &[usize], like: &Tensor) -> Result<Tensor> {
    let known = axes.iter().try_fold(1usize, |product, &axis| product.checked_mul(x.spec().size(axis)?));
    if let Some(count) = known {
        return ops::scalar(like, count as f64);
    }
    let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
    ops::sum(&ops::full(like.builder(), x.sizes(), 1, like.dtype())?, &axes, true)
}

/// A numeric reduction: struct, free function, [`Op`](crate::ops::Op) by way of its [`ReduceRule`].
macro_rules! reduction {
    ($(#[$doc:meta])* $type:ident, $function:ident, $name:literal) => {
        $crate::ops::op! {
            $(#[$doc])*
            pub struct $type($name) {
                /// Which axes, ascending.
                pub axes: Vec<usize>,
                /// Whether they stay as axes of size 1.
                pub keepdims: bool,
            }
        }

        impl $crate::ops::Op for $type {
            $crate::ops::op_basics!();

            fn spec(&self, inputs: &[$crate::graph::TensorSpec]) -> $crate::Result<Vec<$crate::graph::TensorSpec>> {
                $crate::ops::reduce::reduction::spec::<Self>(inputs, &self.axes, self.keepdims)
            }

            fn evaluate(&self, inputs: &[$crate::array::Array]) -> $crate::Result<Vec<$crate::array::Array>> {
                let x = $crate::graph::Inputs::only(inputs)?;
                let shape = $crate::graph::Inputs::only(&self.spec(&[x.spec()])?[..])?.sizes()?;
                Ok(vec![$crate::ops::reduce::reduction::reduce_numbers::<Self>(x, &self.axes, shape)?])
            }

            fn gradient(
                &self,
                g: &$crate::ops::Gradient<'_>,
            ) -> $crate::Result<Vec<Option<$crate::graph::Tensor>>> {
                Ok(vec![<Self as ReduceRule>::gradient(g, &self.axes)?])
            }
        }

        $(#[$doc])*
        /// No axes means all.
        pub fn $function(
            x: &$crate::graph::Tensor,
            axes: &[i64],
            keepdims: bool,
        ) -> $crate::Result<$crate::graph::Tensor> {
            let x = match x.dtype() {
                _ if <$type as ReduceRule>::WIDENS => $crate::ops::reduce::reduction::widened(x)?,
                dtype if dtype.is_integer() && <$type as ReduceRule>::INTEGERS => x.clone(),
                $crate::DType::Bool if <$type as ReduceRule>::INTEGERS => $crate::ops::cast(x, $crate::DType::Int32)?,
                _ => $crate::ops::to_float(x)?,
            };
            let axes = $crate::ops::reduce::reduction::reduced_axes(x.spec(), axes)?;
            if axes.is_empty() {
                return Ok(x);
            }
            x.apply($type { axes, keepdims })
        }
    };
}

/// What the file of a reduction uses.
pub mod prelude {
    pub(crate) use super::reduction;
    pub use super::{ReduceRule, count_of, restore_axes};
    pub use crate::Result;
    pub use crate::graph::Tensor;
    pub use crate::ops::{self, Gradient};
}

pub(crate) use reduction;
