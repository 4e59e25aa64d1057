//! `matmul`: the product of matrices, batched.

use num_complex::Complex;

use crate::array::{Array, broadcast_strides, permutation};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::elementwise::{broadcast_shapes, unbroadcast};
use crate::ops::{self, Gradient, Op, Size, op, op_basics, promote};
use crate::{DType, Error, Result, Shape};

op! {
    /// Products of the matrices in the last two axes; leading axes broadcast.
    pub struct Matmul("matmul") {}
}

/// The product of two tensors as numpy's `matmul`: of matrices, batches of them, or vectors.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let [a, b]: [Tensor; 2] = promote(&[a, b])?.try_into().map_err(|_| Error::internal("two inputs"))?;
    if a.rank() == 0 || b.rank() == 0 {
        return Err(Error::mismatch("matmul takes no scalars"));
    }
    // int8 is multiplied as int32, bool as bool in Keras; both are exact in int32.
    let wide = |x: &Tensor| if x.dtype() == DType::Int8 { ops::cast(x, DType::Int32) } else { Ok(x.clone()) };
    let (left, right) = (wide(&a)?, wide(&b)?);
    let left = if a.rank() == 1 { ops::expand_dims(&left, 0)? } else { left };
    let right = if b.rank() == 1 { ops::expand_dims(&right, 1)? } else { right };
    let inputs = [left, right];
    let mut product = GraphBuilder::innermost(&inputs)?.add_one(Matmul {}, &inputs)?;
    if b.rank() == 1 {
        product = ops::squeeze(&product, &[-1])?;
    }
    if a.rank() == 1 {
        product = ops::squeeze(&product, &[if b.rank() == 1 { -1 } else { -2 }])?;
    }
    Ok(product)
}

impl Op for Matmul {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [a, b] = inputs.exactly()?;
        let mismatch = || Error::mismatch(format!("{a} is not multiplied by {b}"));
        let [batch_a @ .., rows, inner_a] = a.shape.axes() else { return Err(mismatch()) };
        let [batch_b @ .., inner_b, columns] = b.shape.axes() else { return Err(mismatch()) };
        let fits = inner_a.is_none() || inner_b.is_none() || inner_a == inner_b;
        let is_number = matches!(a.dtype, DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64)
            || (a.dtype.is_integer() && !matches!(a.dtype, DType::Int4 | DType::Uint4))
            || matches!(a.dtype, DType::Complex64 | DType::Complex128);
        if !fits || a.dtype != b.dtype || !is_number {
            return Err(mismatch());
        }
        let batch = |axes: &[Option<u64>]| Shape::new(axes.iter().copied());
        let mut axes = broadcast_shapes(&[&batch(batch_a), &batch(batch_b)])?.axes().to_vec();
        axes.extend([*rows, *columns]);
        Ok(vec![TensorSpec::new(a.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [a, b] = inputs.exactly()?;
        let out = self.spec(&[a.spec(), b.spec()])?.only()?.sizes()?;
        // Half types are multiplied in float32; whole numbers wrap around, so their low bits are right in 64 bits.
        let wide = match a.dtype() {
            DType::Float16 | DType::Bfloat16 => DType::Float32,
            DType::Complex64 => DType::Complex128,
            dtype if dtype.is_integer() => DType::Int64,
            dtype => dtype,
        };
        let (x, y) = (a.cast(wide)?, b.cast(wide)?);
        let shapes = (x.shape(), y.shape(), &out[..]);
        let product = match wide {
            DType::Float32 => Array::from_vec(&out[..], multiply(x.as_f32()?, y.as_f32()?, shapes, |s, a, b| s + a * b)?),
            DType::Float64 => {
                Array::from_vec(&out[..], multiply(x.as_slice::<f64>()?, y.as_slice()?, shapes, |s, a, b| s + a * b)?)
            }
            DType::Int64 => Array::from_vec(
                &out[..],
                multiply(x.as_slice::<i64>()?, y.as_slice()?, shapes, |s, a, b| s.wrapping_add(a.wrapping_mul(b)))?,
            ),
            _ => Array::from_vec(
                &out[..],
                multiply(x.as_slice::<Complex<f64>>()?, y.as_slice()?, shapes, |s, a, b| s + a * b)?,
            ),
        };
        Ok(vec![product?.cast(a.dtype())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (a, b, grad) = (g.input(0)?, g.input(1)?, g.grad(0)?);
        let left = matmul(&grad, &ops::swap_last(&ops::conj(b)?)?)?;
        // One right side for many rows: they are one tall matrix, and nothing is left to sum afterwards.
        let is_tall = |x: &Tensor| x.rank() > 2 && x.shape().axes().last().is_some_and(|size| size.is_some_and(|n| n > 0));
        let tall = |x: &Tensor| ops::reshape(x, [Size::Infer, x.size(x.rank() - 1)]);
        let right = match b.rank() == 2 && is_tall(a) && is_tall(&grad) {
            true => matmul(&ops::swap_last(&tall(&ops::conj(a)?)?)?, &tall(&grad)?)?,
            false => matmul(&ops::swap_last(&ops::conj(a)?)?, &grad)?,
        };
        Ok(vec![Some(unbroadcast(&left, a)?), Some(unbroadcast(&right, b)?)])
    }
}

/// Products of matrices; the innermost loop runs along the rows of `b`, so that it is contiguous.
fn multiply<T: Copy + Default>(
    a: &[T],
    b: &[T],
    (a_shape, b_shape, out): (&[usize], &[usize], &[usize]),
    add: impl Fn(T, T, T) -> T,
) -> Result<Vec<T>> {
    let batch = &out[..out.len() - 2];
    let (rows, columns) = (out[out.len() - 2], out[out.len() - 1]);
    let inner = a_shape[a_shape.len() - 1];
    let starts = |shape: &[usize]| -> Result<Vec<usize>> {
        let (lead, matrix) = shape.split_at(shape.len() - 2);
        let size = matrix[0] * matrix[1];
        let steps: Vec<isize> = broadcast_strides(lead, batch)?.iter().map(|step| step * size as isize).collect();
        Ok(permutation(batch, &steps, 0))
    };
    let mut sums = vec![T::default(); crate::array::element_count(out)?];
    let mut sum_rows = sums.chunks_exact_mut(columns.max(1));
    for (a_start, b_start) in starts(a_shape)?.into_iter().zip(starts(b_shape)?) {
        let b = &b[b_start..b_start + inner * columns];
        for (row, sum_row) in sum_rows.by_ref().take(rows).enumerate() {
            let a_row = &a[a_start + row * inner..a_start + (row + 1) * inner];
            for (&x, b_row) in a_row.iter().zip(b.chunks_exact(columns.max(1))) {
                for (sum, &y) in sum_row.iter_mut().zip(b_row) {
                    *sum = add(*sum, x, y);
                }
            }
        }
    }
    Ok(sums)
}
