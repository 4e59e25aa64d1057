//! `Given`: what a constructor or setter takes for an argument of a type.
//!
//! It is not `Into`, because a literal (`Dense::new(64)`, `.strides(2)`) then fits several integer types and none is found.

use kerata_core::{DType, Object, Tree};

use super::{Axes, DTypePolicy, Pads, Seed, Sizes};
use crate::activations::Activation;
use crate::constraints::{Constrain, Constraint};
use crate::initializers::{Initialize, Initializer};
use crate::layers::{AnyLayer, Layer};
use crate::regularizers::{Regularize, Regularizer};

/// A value that can be given for an argument of type `T`.
pub trait Given<T> {
    /// The argument.
    fn given(self) -> T;
}

impl<T> Given<T> for T {
    fn given(self) -> T {
        self
    }
}

impl<T> Given<Option<T>> for T {
    fn given(self) -> Option<T> {
        Some(self)
    }
}

macro_rules! given {
    ($([$($generics:tt)*] $from:ty => $to:ty;)*) => {
        $(
            impl<$($generics)*> Given<$to> for $from {
                fn given(self) -> $to {
                    self.into()
                }
            }
        )*
    };
}

given! {
    [] usize => Sizes;
    [const N: usize] [usize; N] => Sizes;
    [] i64 => Axes;
    [const N: usize] [i64; N] => Axes;
    [] usize => Pads;
    [const N: usize] [usize; N] => Pads;
    [const N: usize] [[usize; 2]; N] => Pads;
    [] i64 => Seed;
    [] &str => String;
    [] DType => DTypePolicy;
    [] &str => Activation;
    [] &str => Initializer;
    [T: Initialize] T => Initializer;
    [] f64 => Tree;
    [] Object => Tree;
    [] Vec<i64> => Tree;
    [T: Layer] T => AnyLayer;
}

impl Given<Option<Regularizer>> for &str {
    fn given(self) -> Option<Regularizer> {
        Some(self.into())
    }
}

impl<T: Regularize> Given<Option<Regularizer>> for T {
    fn given(self) -> Option<Regularizer> {
        Some(self.into())
    }
}

impl Given<Option<Constraint>> for &str {
    fn given(self) -> Option<Constraint> {
        Some(self.into())
    }
}

impl<T: Constrain> Given<Option<Constraint>> for T {
    fn given(self) -> Option<Constraint> {
        Some(self.into())
    }
}
