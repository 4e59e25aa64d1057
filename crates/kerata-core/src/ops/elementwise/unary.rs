//! What ops of one input that work element by element share.

use num_complex::Complex;

use super::real::Real;
use crate::array::{Array, Elements};
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, to_float};
use crate::{DType, Error, Result};

/// The rule of one unary op.
pub trait UnaryRule {
    /// Whether whole numbers are taken; else the free function casts them to float32.
    const INTEGERS: bool = false;
    /// Whether complex numbers are taken.
    const COMPLEX: bool = false;
    /// Whether a gradient flows.
    const DIFFERENTIABLE: bool = true;

    /// The function on floats.
    fn real<T: Real>(x: T) -> T;

    /// The function on whole numbers.
    fn integer(x: i128) -> i128 {
        x
    }

    /// The function on complex numbers.
    fn complex(x: Complex<f64>) -> Complex<f64> {
        x
    }

    /// The gradient of the input.
    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>>;
}

/// Whether a rule takes a dtype.
fn takes<R: UnaryRule>(dtype: DType) -> bool {
    match dtype {
        DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64 => true,
        DType::Complex64 | DType::Complex128 => R::COMPLEX,
        DType::Int4 | DType::Uint4 => false,
        other => R::INTEGERS && other.is_integer(),
    }
}

/// The input in a dtype that the rule takes.
pub fn prepare<R: UnaryRule>(x: &Tensor) -> Result<Tensor> {
    if takes::<R>(x.dtype()) { Ok(x.clone()) } else { to_float(x) }
}

/// The spec of the output.
pub fn spec<R: UnaryRule>(inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
    let x = inputs.only()?;
    if !takes::<R>(x.dtype) {
        return Err(Error::mismatch(format!("elements of {} are not taken", x.dtype)));
    }
    Ok(vec![x.clone()])
}

/// Applies the rule to every element.
pub fn evaluate<R: UnaryRule>(inputs: &[Array]) -> Result<Vec<Array>> {
    let x = inputs.only()?;
    spec::<R>(&[x.spec()])?;
    let elements = match x.elements() {
        Elements::Float32(v) => Elements::Float32(v.iter().map(|&x| R::real(x)).collect()),
        Elements::Float64(v) => Elements::Float64(v.iter().map(|&x| R::real(x)).collect()),
        _ => return Ok(vec![evaluate_other(x, &evaluate::<R>, R::integer, R::complex)?]),
    };
    Ok(vec![Array::new(x.shape(), elements)?])
}

/// The dtypes that are computed in a wider one: half types in float32, whole numbers and complex numbers in their widest.
fn evaluate_other(
    x: &Array,
    evaluate: &dyn Fn(&[Array]) -> Result<Vec<Array>>,
    integer: fn(i128) -> i128,
    complex: fn(Complex<f64>) -> Complex<f64>,
) -> Result<Array> {
    match x.dtype() {
        DType::Float16 | DType::Bfloat16 => evaluate(&[x.cast(DType::Float32)?])?.only()?.cast(x.dtype()),
        DType::Complex64 | DType::Complex128 => {
            let wide = x.cast(DType::Complex128)?;
            let values: Vec<Complex<f64>> =
                wide.as_slice::<Complex<f64>>()?.iter().map(|&x| complex(x)).collect();
            Array::from_vec(x.shape(), values)?.cast(x.dtype())
        }
        _ => {
            let values = x.to_i128s()?.into_iter().map(integer).collect();
            Array::from_i128s(x.shape().to_vec(), values, x.dtype())
        }
    }
}

/// A unary op: struct, free function, [`Op`](crate::ops::Op) by way of its [`UnaryRule`].
macro_rules! unary {
    ($(#[$doc:meta])* $type:ident, $function:ident, $name:literal) => {
        $crate::ops::op! {
            $(#[$doc])*
            pub struct $type($name) {}
        }

        $(#[$doc])*
        pub fn $function(x: &$crate::graph::Tensor) -> $crate::Result<$crate::graph::Tensor> {
            let x = $crate::ops::elementwise::unary::prepare::<$type>(x)?;
            x.apply($type {})
        }

        impl $crate::ops::Op for $type {
            $crate::ops::op_basics!();

            fn spec(&self, inputs: &[$crate::graph::TensorSpec]) -> $crate::Result<Vec<$crate::graph::TensorSpec>> {
                $crate::ops::elementwise::unary::spec::<Self>(inputs)
            }

            fn evaluate(&self, inputs: &[$crate::array::Array]) -> $crate::Result<Vec<$crate::array::Array>> {
                $crate::ops::elementwise::unary::evaluate::<Self>(inputs)
            }

            fn gradient(
                &self,
                g: &$crate::ops::Gradient<'_>,
            ) -> $crate::Result<Vec<Option<$crate::graph::Tensor>>> {
                Ok(vec![<Self as UnaryRule>::gradient(g)?])
            }

            fn is_differentiable(&self) -> bool {
                <Self as UnaryRule>::DIFFERENTIABLE
            }
        }
    };
}

/// What the file of a unary op uses.
pub mod prelude {
    pub use super::UnaryRule;
    pub(crate) use super::unary;
    pub use crate::Result;
    pub use crate::graph::Tensor;
    pub use crate::ops::elementwise::real::Real;
    pub use crate::ops::{self, Gradient};
    pub use num_complex::Complex;
}

pub(crate) use unary;
