//! What comparisons of two tensors share.

use std::cmp::Ordering;

use num_complex::Complex;

use super::broadcast::{broadcast_specs, zip};
use crate::array::{Array, Elements};
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, promote};
use crate::{DType, Error, Result};

/// The rule of one comparison.
pub trait CompareRule {
    /// Whether it asks for an order, which complex numbers, bools and strings do not have here.
    const ORDERED: bool = true;

    /// The answer for elements that compare so; nothing compares with NaN.
    fn holds(order: Option<Ordering>) -> bool;
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
    let holds = compare_elements(a, b, &out)?.into_iter().map(|order| u8::from(R::holds(order))).collect();
    Ok(vec![Array::new(out, Elements::Bool(holds))?])
}

/// How the elements that meet compare. What has no order is equal or not comparable.
fn compare_elements(a: &Array, b: &Array, out: &[usize]) -> Result<Vec<Option<Ordering>>> {
    let same = |is_same: bool| is_same.then_some(Ordering::Equal);
    match a.elements() {
        Elements::Strings(x) => {
            zip((x, a.shape()), (b.as_strings()?, b.shape()), out, |x: Vec<u8>, y| same(x == y))
        }
        Elements::Complex64(_) | Elements::Complex128(_) => {
            let (x, y) = (a.cast(DType::Complex128)?, b.cast(DType::Complex128)?);
            let (x, y) = (x.as_slice::<Complex<f64>>()?, y.as_slice::<Complex<f64>>()?);
            zip((x, a.shape()), (y, b.shape()), out, |x, y| same(x == y))
        }
        _ if a.dtype().is_float() => {
            let (x, y) = (a.to_f64s()?, b.to_f64s()?);
            zip((&x, a.shape()), (&y, b.shape()), out, |x: f64, y: f64| x.partial_cmp(&y))
        }
        _ => {
            let (x, y) = (a.to_i128s()?, b.to_i128s()?);
            zip((&x, a.shape()), (&y, b.shape()), out, |x: i128, y: i128| Some(x.cmp(&y)))
        }
    }
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
