//! What yes-or-no ops of one float input share.

use super::real::Real;
use crate::array::{Array, Elements};
use crate::graph::{Inputs, TensorSpec};
use crate::{DType, Error, Result};

/// The question that is asked of each element.
pub trait PredicateRule {
    /// The answer.
    fn real<T: Real>(x: T) -> bool;
}

/// The spec of the output.
pub fn spec(inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
    let x = inputs.only()?;
    if !matches!(x.dtype, DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64) {
        return Err(Error::mismatch(format!("elements of {} are not taken", x.dtype)));
    }
    Ok(vec![x.with_dtype(DType::Bool)])
}

/// Asks every element.
pub fn evaluate<R: PredicateRule>(inputs: &[Array]) -> Result<Vec<Array>> {
    let x = inputs.only()?;
    let answers = match x.elements() {
        Elements::Float32(v) => v.iter().map(|&x| R::real(x)).collect(),
        Elements::Float64(v) => v.iter().map(|&x| R::real(x)).collect(),
        Elements::Float16(v) => v.iter().map(|x| R::real(x.to_f32())).collect(),
        Elements::Bfloat16(v) => v.iter().map(|x| R::real(x.to_f32())).collect(),
        other => return Err(Error::mismatch(format!("elements of {} are not taken", other.dtype()))),
    };
    Ok(vec![Array::from_bools(x.shape(), answers)?])
}

/// A predicate: struct, free function, [`Op`](crate::ops::Op) by way of its [`PredicateRule`].
macro_rules! predicate {
    ($(#[$doc:meta])* $type:ident, $function:ident, $name:literal) => {
        $crate::ops::op! {
            $(#[$doc])*
            pub struct $type($name) {}
        }

        $(#[$doc])*
        pub fn $function(x: &$crate::graph::Tensor) -> $crate::Result<$crate::graph::Tensor> {
            let x = $crate::ops::to_float(x)?;
            x.apply($type {})
        }

        impl $crate::ops::Op for $type {
            $crate::ops::op_basics!();
            $crate::ops::not_differentiable!();

            fn spec(&self, inputs: &[$crate::graph::TensorSpec]) -> $crate::Result<Vec<$crate::graph::TensorSpec>> {
                $crate::ops::elementwise::predicate::spec(inputs)
            }

            fn evaluate(&self, inputs: &[$crate::array::Array]) -> $crate::Result<Vec<$crate::array::Array>> {
                $crate::ops::elementwise::predicate::evaluate::<Self>(inputs)
            }
        }
    };
}

pub(crate) use predicate;
