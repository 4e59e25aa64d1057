//! `full`: a tensor that holds one number everywhere.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{Op, Scalar, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// One number everywhere; inputs only lend the sizes of their axes.
    pub struct Full("full") {
        /// Sizes of the axes.
        pub dims: Vec<Dim>,
        /// The number; whole-number dtypes cut it.
        pub value: f64,
        /// Element type.
        pub dtype: DType,
    }
}

/// A tensor of a shape that holds one number everywhere.
pub fn full(
    builder: &GraphBuilder,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    value: impl Into<Scalar>,
    dtype: DType,
) -> Result<Tensor> {
    let mut inputs = Vec::new();
    let dims = dims(sizes, &mut inputs);
    let value = value.into();
    if dims.is_empty() {
        return Ok(builder.constant(value.to_array(dtype)?));
    }
    let value = match value {
        Scalar::Int(value) => value as f64,
        Scalar::Float(value) => value,
    };
    builder.add_one(Full { dims, value, dtype }, &inputs)
}

/// Zeros of the shape and dtype of a tensor.
pub fn zeros_like(x: &Tensor) -> Result<Tensor> {
    full(x.builder(), x.sizes(), 0, x.dtype())
}

/// Ones of the shape and dtype of a tensor.
pub fn ones_like(x: &Tensor) -> Result<Tensor> {
    full(x.builder(), x.sizes(), 1, x.dtype())
}

/// One number in the shape and dtype of a tensor.
pub fn full_like(x: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
    full(x.builder(), x.sizes(), value, x.dtype())
}

impl Op for Full {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        if self.dims.contains(&Dim::Infer) {
            return Err(Error::usage("full cannot infer a size"));
        }
        if matches!(self.dtype, DType::String | DType::Opaque(_)) {
            return Err(Error::unsupported(format!("full of {}", self.dtype)));
        }
        Ok(vec![TensorSpec::new(self.dtype, shape_of_dims(&self.dims, inputs)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        Ok(vec![Array::full(shape, self.value, self.dtype)?])
    }
}
