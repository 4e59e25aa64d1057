//! What comparisons of two tensors share.

use super::broadcast::{broadcast_specs, zip};
use crate::array::{Array, Elements};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, promote};
use crate::{DType, Error, Result};

/// The rule of one comparison.
pub trait CompareRule {
    /// Whether it asks for an order, which complex numbers, bools and strings do not have here.
    const ORDERED: bool = true;

    /// The comparison, false beside NaN where IEEE says so.
    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool;

    /// The comparison of what has no order.
    fn same<T: PartialEq>(_a: &T, _b: &T) -> bool {
        false
    }
}

/// Compares tensors promoted to one dtype.
pub fn apply(op: impl Op, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let inputs = if a.dtype() == b.dtype() { vec![a.clone(), b.clone()] } else { promote(&[a, b])? };
    let inputs = match inputs.first().map(Tensor::dtype) {
        // bools have an order in Keras: they are compared as numbers
        Some(DType::Bool) if !matches!(op.name(), "equal" | "not_equal") => {
            inputs.iter().map(|input| crate::ops::cast(input, DType::Int32)).collect::<Result<_>>()?
        }
        _ => inputs,
    };
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

/// The spec of the output.
pub fn spec<R: CompareRule>(inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
    let [a, _] = inputs.exactly()?;
    let is_unordered = matches!(a.dtype, DType::Bool | DType::String | DType::Complex64 | DType::Complex128);
    if (R::ORDERED && is_unordered) || matches!(a.dtype, DType::Float8E4m3fn | DType::Float8E5m2) {
        return Err(Error::mismatch(format!("elements of {} are not compared", a.dtype)));
    }
    Ok(vec![broadcast_specs(inputs)?.with_dtype(DType::Bool)])
}

/// Compares the elements that meet.
pub fn evaluate<R: CompareRule>(inputs: &[Array]) -> Result<Vec<Array>> {
    let [a, b] = inputs.exactly()?;
    let out = spec::<R>(&[a.spec(), b.spec()])?.only()?.sizes()?;
    macro_rules! each {
        ($rule:ident: $($variant:ident)*; $same:ident: $($other:ident)*) => {
            match (a.elements(), b.elements()) {
                $((Elements::$variant(a_v), Elements::$variant(b_v)) => {
                    zip((a_v, a.shape()), (b_v, b.shape()), &out, |a, b| u8::from(R::$rule(&a, &b)))?
                })*
                $((Elements::$other(a_v), Elements::$other(b_v)) => {
                    zip((a_v, a.shape()), (b_v, b.shape()), &out, |a, b| u8::from(R::$same(&a, &b)))?
                })*
                _ => return Err(Error::internal("dtypes differ")),
            }
        };
    }
    let result = each!(
        compare: Int8 Int16 Int32 Int64 Uint8 Uint16 Uint32 Uint64 Int4 Uint4 Float16 Bfloat16 Float32 Float64;
        same: Bool Strings Complex64 Complex128
    );
    Ok(vec![Array::new(out, Elements::Bool(result.into()))?])
}

/// A comparison: struct, free function, [`Op`](crate::ops::Op) by way of its [`CompareRule`].
macro_rules! compare {
    ($(#[$doc:meta])* $type:ident, $function:ident, $name:literal) => {
        $crate::ops::op! {
            $(#[$doc])*
            pub struct $type($name) {}
        }

        $(#[$doc])*
        pub fn $function(a: &$crate::graph::Tensor, b: &$crate::graph::Tensor) -> $crate::Result<$crate::graph::Tensor> {
            $crate::ops::elementwise::compare::apply($type {}, a, b)
        }

        impl $crate::ops::Op for $type {
            $crate::ops::op_basics!();
            $crate::ops::not_differentiable!();

            fn spec(&self, inputs: &[$crate::graph::TensorSpec]) -> $crate::Result<Vec<$crate::graph::TensorSpec>> {
                $crate::ops::elementwise::compare::spec::<Self>(inputs)
            }

            fn evaluate(&self, inputs: &[$crate::array::Array]) -> $crate::Result<Vec<$crate::array::Array>> {
                $crate::ops::elementwise::compare::evaluate::<Self>(inputs)
            }
        }
    };
}

pub(crate) use compare;
