//! `quantized_matmul`: floats times 8-bit weights, with whole numbers in between.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, Shape};

op! {
    /// Rounds each row of a float tensor to 8 bits by its largest absolute value, multiplies it by an 8-bit matrix in
    /// whole numbers, and divides by the scales of the row and of each column: what Keras's int8 layers compute. Inputs
    /// are the tensor, the matrix and the scales of its columns.
    pub struct QuantizedMatmul("quantized_matmul") {}
}

/// What is added to a largest value, so that nothing is divided by zero.
const EPSILON: f32 = 1e-7;
/// The number that the largest value becomes.
const LARGEST: f32 = 127.0;

/// Rows of `x`, rounded to 8 bits, times a matrix of 8 bits whose columns have scales.
pub fn quantized_matmul(x: &Tensor, kernel: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let inputs = [x.clone(), kernel.clone(), scale.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(QuantizedMatmul {}, &inputs)
}

impl QuantizedMatmul {
    /// A row's whole numbers and its scale. A row with a NaN has the scale NaN.
    pub fn quantize_row(row: &[f32]) -> (Vec<i8>, f32) {
        let largest = row.iter().fold(0f32, |largest, x| if x.abs() > largest || x.is_nan() { x.abs() } else { largest });
        let scale = LARGEST / (largest + EPSILON);
        let whole = |x: &f32| (x * scale).round_ties_even().clamp(-LARGEST, LARGEST) as i8;
        (row.iter().map(whole).collect(), scale)
    }
}

impl Op for QuantizedMatmul {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, kernel, scale] = inputs.exactly()?;
        let mismatch = || Error::mismatch(format!("{x} is not multiplied by {kernel} with scales {scale}"));
        let [lead @ .., depth] = x.shape.axes() else { return Err(mismatch()) };
        let ([rows, columns], [scales]) = (kernel.shape.axes(), scale.shape.axes()) else { return Err(mismatch()) };
        let agree = |a: &Option<u64>, b: &Option<u64>| a.is_none() || b.is_none() || a == b;
        let dtypes = [x.dtype, kernel.dtype, scale.dtype] == [DType::Float32, DType::Int8, DType::Float32];
        if !dtypes || !agree(depth, rows) || !agree(columns, scales) {
            return Err(mismatch());
        }
        let axes = lead.iter().copied().chain([*columns]);
        Ok(vec![TensorSpec::new(DType::Float32, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, kernel, scale] = inputs.exactly()?;
        let shape = self.spec(&[x.spec(), kernel.spec(), scale.spec()])?.only()?.sizes()?;
        let (depth, columns) = (kernel.shape()[0], kernel.shape()[1]);
        let (floats, weights, scales) = (x.as_f32()?, kernel.as_slice::<i8>()?, scale.as_f32()?);
        let mut out = Vec::with_capacity(crate::array::element_count(&shape)?);
        for row in floats.chunks_exact(depth.max(1)) {
            let (whole, row_scale) = Self::quantize_row(row);
            let mut sums = vec![0i32; columns];
            for (x, weights) in whole.iter().zip(weights.chunks_exact(columns.max(1))) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sum.wrapping_add(i32::from(*x) * i32::from(*weight));
                }
            }
            out.extend(sums.iter().zip(scales).map(|(sum, scale)| *sum as f32 / (scale * row_scale)));
        }
        // Rows without elements have sums of zero.
        out.resize(crate::array::element_count(&shape)?, 0.0);
        Ok(vec![Array::from_f32(shape, out)?])
    }

    // Rounding has no slope: layers train on the weights as floats.
    not_differentiable!();

    fn decompose(&self, inputs: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
        let [x, kernel, scale] = inputs else { return Err(Error::internal("three inputs")) };
        let largest = ops::max(&ops::absolute(x)?, &[-1], true)?;
        let largest = ops::add(&largest, &ops::scalar(&largest, f64::from(EPSILON))?)?;
        let row_scale = ops::divide(&ops::scalar(&largest, f64::from(LARGEST))?, &largest)?;
        let steps = ops::round(&ops::multiply(x, &row_scale)?)?;
        let low = ops::maximum(&steps, &ops::scalar(&steps, f64::from(-LARGEST))?)?;
        let whole = ops::minimum(&low, &ops::scalar(&steps, f64::from(LARGEST))?)?;
        let sums = ops::matmul(&whole, &ops::cast(kernel, DType::Float32)?)?;
        Ok(Some(vec![ops::divide(&sums, &ops::multiply(scale, &row_scale)?)?]))
    }
}
