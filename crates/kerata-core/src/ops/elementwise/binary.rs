//! What ops of two inputs that work element by element, with broadcasting, share.

use half::{bf16, f16};
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
    macro_rules! each {
        ($variant:ident, $a:expr, $b:expr, $f:expr) => {
            Elements::$variant(zip(($a, a.shape()), ($b, b.shape()), &out, $f)?.into())
        };
    }
    macro_rules! integers {
        ($variant:ident, $a:expr, $b:expr, $type:ty) => {
            each!($variant, $a, $b, |a: $type, b: $type| R::integer(a.into(), b.into()) as $type)
        };
    }
    let wide = |x: Complex<f32>| Complex::<f64>::new(x.re.into(), x.im.into());
    let elements = match (a.elements(), b.elements()) {
        (Elements::Float32(a_v), Elements::Float32(b_v)) => each!(Float32, a_v, b_v, R::real),
        (Elements::Float64(a_v), Elements::Float64(b_v)) => each!(Float64, a_v, b_v, R::real),
        (Elements::Float16(a_v), Elements::Float16(b_v)) => {
            each!(Float16, a_v, b_v, |a: f16, b: f16| f16::from_f32(R::real(a.to_f32(), b.to_f32())))
        }
        (Elements::Bfloat16(a_v), Elements::Bfloat16(b_v)) => {
            each!(Bfloat16, a_v, b_v, |a: bf16, b: bf16| bf16::from_f32(R::real(a.to_f32(), b.to_f32())))
        }
        (Elements::Complex128(a_v), Elements::Complex128(b_v)) => each!(Complex128, a_v, b_v, R::complex),
        (Elements::Complex64(a_v), Elements::Complex64(b_v)) => each!(Complex64, a_v, b_v, |a, b| {
            let value = R::complex(wide(a), wide(b));
            Complex::new(value.re as f32, value.im as f32)
        }),
        (Elements::Bool(a_v), Elements::Bool(b_v)) => {
            each!(Bool, a_v, b_v, |a: u8, b: u8| u8::from(R::integer(a.into(), b.into()) != 0))
        }
        (Elements::Int8(a_v), Elements::Int8(b_v)) => integers!(Int8, a_v, b_v, i8),
        (Elements::Int16(a_v), Elements::Int16(b_v)) => integers!(Int16, a_v, b_v, i16),
        (Elements::Int32(a_v), Elements::Int32(b_v)) => integers!(Int32, a_v, b_v, i32),
        (Elements::Int64(a_v), Elements::Int64(b_v)) => integers!(Int64, a_v, b_v, i64),
        (Elements::Uint8(a_v), Elements::Uint8(b_v)) => integers!(Uint8, a_v, b_v, u8),
        (Elements::Uint16(a_v), Elements::Uint16(b_v)) => integers!(Uint16, a_v, b_v, u16),
        (Elements::Uint32(a_v), Elements::Uint32(b_v)) => integers!(Uint32, a_v, b_v, u32),
        (Elements::Uint64(a_v), Elements::Uint64(b_v)) => integers!(Uint64, a_v, b_v, u64),
        (a, b) => return Err(Error::mismatch(format!("{} meets {}", a.dtype(), b.dtype()))),
    };
    Ok(vec![Array::new(out, elements)?])
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
