//! `iota`: 0, 1, 2, … along one axis.

use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{self, Op, Scalar, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// 0, 1, 2, …; an input only lends the size of its axis.
    pub struct Iota("iota") {
        /// How many.
        pub size: Dim,
        /// Element type.
        pub dtype: DType,
    }
}

/// 0, 1, 2, … so many.
pub fn iota(builder: &GraphBuilder, size: impl Into<Size>, dtype: DType) -> Result<Tensor> {
    let mut inputs = Vec::new();
    let size = dims([size.into()], &mut inputs).only().copied()?;
    builder.add_one(Iota { size, dtype }, &inputs)
}

/// Numbers from a start to before an end in even steps, as a constant.
pub fn arange(builder: &GraphBuilder, start: impl Into<Scalar>, stop: impl Into<Scalar>, step: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
    let number = |scalar: Scalar| match scalar {
        Scalar::Int(value) => value as f64,
        Scalar::Float(value) => value,
    };
    let (start, stop, step) = (number(start.into()), number(stop.into()), number(step.into()));
    let count = ((stop - start) / step).ceil().max(0.0);
    if !(0.0..1e9).contains(&count) {
        return Err(Error::usage(format!("a range from {start} to {stop} in steps of {step}")));
    }
    let values = (0..count as usize).map(|at| start + at as f64 * step).collect();
    Ok(builder.constant(Array::vector::<f64>(values).cast(dtype)?))
}

/// A matrix with ones on a diagonal.
pub fn eye(builder: &GraphBuilder, rows: impl Into<Size>, columns: impl Into<Size>, diagonal: i64, dtype: DType) -> Result<Tensor> {
    let row = ops::expand_dims(&ops::plus(&iota(builder, rows, DType::Int32)?, diagonal)?, 1)?;
    ops::cast(&ops::equal(&row, &iota(builder, columns, DType::Int32)?)?, dtype)
}

/// The elements on and below a diagonal of the last two axes, zeros elsewhere.
pub fn tril(x: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle(x, diagonal, ops::greater_equal)
}

/// The elements on and above a diagonal of the last two axes, zeros elsewhere.
pub fn triu(x: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle(x, diagonal, ops::less_equal)
}

fn triangle(x: &Tensor, diagonal: i64, keep: fn(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (rows, columns) = (x.spec().axis(-2)?, x.spec().axis(-1)?);
    let row = ops::plus(&iota(x.builder(), x.size(rows), DType::Int32)?, diagonal)?;
    let is_kept = keep(&ops::expand_dims(&row, 1)?, &iota(x.builder(), x.size(columns), DType::Int32)?)?;
    ops::select(&is_kept, x, &ops::full(x.builder(), Vec::<Size>::new(), 0, x.dtype())?)
}

impl Op for Iota {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        if self.size == Dim::Infer || matches!(self.dtype, DType::String | DType::Opaque(_)) {
            return Err(Error::usage("iota needs a size and a number dtype"));
        }
        Ok(vec![TensorSpec::new(self.dtype, shape_of_dims(&[self.size], inputs)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let size = self.spec(&specs)?.only()?.known_axis(0)?;
        crate::array::element_count(&[size])?;
        Ok(vec![Array::vector((0..size as i64).collect::<Vec<i64>>()).cast(self.dtype)?])
    }
}
