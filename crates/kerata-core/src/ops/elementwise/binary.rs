//! What ops of two inputs that work element by element, with broadcasting, share.

use num_complex::Complex;

use super::broadcast::{broadcast_specs, zip};
use super::real::Real;
use crate::array::{Array, Elements};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, Op, promote};
use crate::{DType, Error, Result};

/// The rule of one binary op.
pub trait BinaryRule {
    /// Whether whole numbers are taken; else the free function casts them to float32.
    const INTEGERS: bool = true;
    /// Whether floats are taken.
    const FLOATS: bool = true;
    /// Whether complex numbers are taken.
    const COMPLEX: bool = false;
    /// Whether bools are taken, as the numbers 0 and 1.
    const BOOLS: bool = false;
    /// Whether a gradient flows.
    const DIFFERENTIABLE: bool = true;

    /// The function on floats.
    fn real<T: Real>(a: T, b: T) -> T;

    /// The function on whole numbers, and on bools where they are taken; wraps around.
    fn integer(a: i128, _b: i128) -> i128 {
        a
    }

    /// The function on complex numbers.
    fn complex(a: Complex<f64>, _b: Complex<f64>) -> Complex<f64> {
        a
    }

    /// The gradients of the inputs, before they are summed over stretched axes.
    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]>;
}

/// Whether a rule takes a dtype.
fn takes<R: BinaryRule>(dtype: DType) -> bool {
    match dtype {
        DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64 => R::FLOATS,
        DType::Complex64 | DType::Complex128 => R::COMPLEX,
        DType::Bool => R::BOOLS,
        DType::Int4 | DType::Uint4 => false,
        other => R::INTEGERS && other.is_integer(),
    }
}

/// Applies a binary op to tensors promoted to a dtype that its rule takes.
pub fn apply<R: BinaryRule>(op: impl Op, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let mut inputs = promote(&[a, b])?;
    let dtype = inputs.first().map_or(DType::Float32, Tensor::dtype);
    if !takes::<R>(dtype) {
        let wanted = if R::INTEGERS && dtype == DType::Bool { DType::Int32 } else { DType::Float32 };
        inputs = inputs.iter().map(|input| crate::ops::cast(input, wanted)).collect::<Result<_>>()?;
    }
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

/// The spec of the output.
pub fn spec<R: BinaryRule>(inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
    let [a, _] = inputs.exactly()?;
    if !takes::<R>(a.dtype) {
        return Err(Error::mismatch(format!("elements of {} are not taken", a.dtype)));
    }
    Ok(vec![broadcast_specs(inputs)?])
}

/// Applies the rule to the elements that meet.
pub fn evaluate<R: BinaryRule>(inputs: &[Array]) -> Result<Vec<Array>> {
    let [a, b] = inputs.exactly()?;
    let out = spec::<R>(&[a.spec(), b.spec()])?.only()?.sizes()?;
    let elements = match (a.elements(), b.elements()) {
        (Elements::Float32(x), Elements::Float32(y)) => {
            Elements::Float32(zip((x, a.shape()), (y, b.shape()), &out, R::real)?.into())
        }
        (Elements::Float64(x), Elements::Float64(y)) => {
            Elements::Float64(zip((x, a.shape()), (y, b.shape()), &out, R::real)?.into())
        }
        _ => return Ok(vec![evaluate_other(a, b, out, &evaluate::<R>, R::integer, R::complex)?]),
    };
    Ok(vec![Array::new(out, elements)?])
}

/// The dtypes that are computed in a wider one: half types in float32, whole numbers and complex numbers in their widest.
fn evaluate_other(
    a: &Array,
    b: &Array,
    out: Vec<usize>,
    evaluate: &dyn Fn(&[Array]) -> Result<Vec<Array>>,
    integer: fn(i128, i128) -> i128,
    complex: fn(Complex<f64>, Complex<f64>) -> Complex<f64>,
) -> Result<Array> {
    let dtype = a.dtype();
    match dtype {
        DType::Float16 | DType::Bfloat16 => {
            let wide = [a.cast(DType::Float32)?, b.cast(DType::Float32)?];
            evaluate(&wide)?.only()?.cast(dtype)
        }
        DType::Complex64 | DType::Complex128 => {
            let (x, y) = (a.cast(DType::Complex128)?, b.cast(DType::Complex128)?);
            let (x, y) = (x.as_slice::<Complex<f64>>()?, y.as_slice::<Complex<f64>>()?);
            let values = zip((x, a.shape()), (y, b.shape()), &out, complex)?;
            Array::from_vec(out, values)?.cast(dtype)
        }
        _ => {
            let (x, y) = (a.to_i128s()?, b.to_i128s()?);
            let values = zip((&x, a.shape()), (&y, b.shape()), &out, integer)?;
            Array::from_i128s(out, values, dtype)
        }
    }
}

/// A binary op: struct, free function, [`Op`](crate::ops::Op) by way of its [`BinaryRule`].
macro_rules! binary {
    ($(#[$doc:meta])* $type:ident, $function:ident, $name:literal) => {
        $crate::ops::op! {
            $(#[$doc])*
            pub struct $type($name) {}
        }

        $(#[$doc])*
        pub fn $function(a: &$crate::graph::Tensor, b: &$crate::graph::Tensor) -> $crate::Result<$crate::graph::Tensor> {
            $crate::ops::elementwise::binary::apply::<$type>($type {}, a, b)
        }

        impl $crate::ops::Op for $type {
            $crate::ops::op_basics!();

            fn spec(&self, inputs: &[$crate::graph::TensorSpec]) -> $crate::Result<Vec<$crate::graph::TensorSpec>> {
                $crate::ops::elementwise::binary::spec::<Self>(inputs)
            }

            fn evaluate(&self, inputs: &[$crate::array::Array]) -> $crate::Result<Vec<$crate::array::Array>> {
                $crate::ops::elementwise::binary::evaluate::<Self>(inputs)
            }

            fn gradient(
                &self,
                g: &$crate::ops::Gradient<'_>,
            ) -> $crate::Result<Vec<Option<$crate::graph::Tensor>>> {
                <Self as BinaryRule>::gradient(g)?
                    .into_iter()
                    .zip(g.inputs)
                    .map(|(grad, input)| {
                        grad.map(|grad| $crate::ops::elementwise::unbroadcast(&grad, input)).transpose()
                    })
                    .collect()
            }

            fn is_differentiable(&self) -> bool {
                <Self as BinaryRule>::DIFFERENTIABLE
            }
        }
    };
}

/// What the file of a binary op uses.
pub mod prelude {
    pub use super::BinaryRule;
    pub(crate) use super::binary;
    pub use crate::Result;
    pub use crate::graph::Tensor;
    pub use crate::ops::elementwise::real::Real;
    pub use crate::ops::{self, Gradient};
    pub use num_complex::Complex;
}

pub(crate) use binary;
