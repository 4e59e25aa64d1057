//! `matmul`: the product of matrices, batched.

use half::{bf16, f16};
use num_complex::Complex;

use crate::array::{Array, Elements, broadcast_strides, permutation};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::elementwise::{broadcast_shapes, unbroadcast};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
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
        macro_rules! each {
            ($($variant:ident $type:ty, $sum:ty, $widen:expr, $narrow:expr;)*) => {
                match (a.elements(), b.elements()) {
                    $((Elements::$variant(a_v), Elements::$variant(b_v)) => {
                        let product: Vec<$type> = multiply(
                            (a_v, a.shape()), (b_v, b.shape()), &out,
                            $widen, |sum: &mut $sum, a: $sum, b: $sum| *sum += a * b, $narrow,
                        )?;
                        Elements::$variant(product.into())
                    })*
                    $((Elements::$variant(_), other) => {
                        return Err(Error::mismatch(format!("{} meets {}", a.dtype(), other.dtype())));
                    })*
                    (other, _) => return Err(Error::mismatch(format!("matmul of {}", other.dtype()))),
                }
            };
        }
        macro_rules! wrapping {
            ($($variant:ident $type:ty;)*) => {
                match (a.elements(), b.elements()) {
                    $((Elements::$variant(a_v), Elements::$variant(b_v)) => {
                        let product: Vec<$type> = multiply(
                            (a_v, a.shape()), (b_v, b.shape()), &out, |x| x,
                            |sum: &mut $type, a: $type, b: $type| *sum = sum.wrapping_add(a.wrapping_mul(b)), |x| x,
                        )?;
                        return Ok(vec![Array::new(out, Elements::$variant(product.into()))?]);
                    })*
                    _ => {}
                }
            };
        }
        wrapping!(Int8 i8; Int16 i16; Int32 i32; Int64 i64; Uint8 u8; Uint16 u16; Uint32 u32; Uint64 u64;);
        let elements = each!(
            Float32 f32, f32, |x| x, |x| x;
            Float64 f64, f64, |x| x, |x| x;
            Float16 f16, f32, f16::to_f32, f16::from_f32;
            Bfloat16 bf16, f32, bf16::to_f32, bf16::from_f32;
            Complex64 Complex<f32>, Complex<f32>, |x| x, |x| x;
            Complex128 Complex<f64>, Complex<f64>, |x| x, |x| x;
        );
        Ok(vec![Array::new(out, elements)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (a, b, grad) = (g.input(0)?, g.input(1)?, g.grad(0)?);
        let left = matmul(&grad, &ops::swap_last(b)?)?;
        let right = matmul(&ops::swap_last(a)?, &grad)?;
        Ok(vec![Some(unbroadcast(&left, a)?), Some(unbroadcast(&right, b)?)])
    }
}

/// Row times matrix sums, the innermost loop along the rows of `b`, so that it is contiguous.
fn multiply<T: Copy, S: Copy + Default>(
    (a, a_shape): (&[T], &[usize]),
    (b, b_shape): (&[T], &[usize]),
    out: &[usize],
    widen: impl Fn(T) -> S,
    add: impl Fn(&mut S, S, S),
    narrow: impl Fn(S) -> T,
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
    let mut result = Vec::with_capacity(crate::array::element_count(out)?);
    let mut sums = vec![S::default(); columns];
    for (a_start, b_start) in starts(a_shape)?.into_iter().zip(starts(b_shape)?) {
        let b_wide: Vec<S> = b[b_start..b_start + inner * columns].iter().map(|&x| widen(x)).collect();
        for row in 0..rows {
            sums.fill(S::default());
            let a_row = &a[a_start + row * inner..a_start + (row + 1) * inner];
            for (&x, b_row) in a_row.iter().zip(b_wide.chunks_exact(columns.max(1))) {
                let x = widen(x);
                for (sum, &y) in sums.iter_mut().zip(b_row) {
                    add(sum, x, y);
                }
            }
            result.extend(sums.iter().map(|&sum| narrow(sum)));
        }
    }
    Ok(result)
}
