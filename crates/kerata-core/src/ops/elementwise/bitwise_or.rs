//! `bitwise_or`: `a | b`, bit by bit.

use super::binary::prelude::*;

binary! {
    /// `a | b`, bit by bit.
    BitwiseOr, bitwise_or, "bitwise_or"
}

impl BinaryRule for BitwiseOr {
    const FLOATS: bool = false;
    const BOOLS: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        a.max(b)
    }

    fn integer(a: i128, b: i128) -> i128 {
        a | b
    }

    fn gradient(_: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}
