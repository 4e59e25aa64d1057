//! `bitwise_and`: `a & b`, bit by bit.

use super::binary::prelude::*;

binary! {
    /// `a & b`, bit by bit.
    BitwiseAnd, bitwise_and, "bitwise_and"
}

impl BinaryRule for BitwiseAnd {
    const FLOATS: bool = false;
    const BOOLS: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        a.max(b)
    }

    fn integer(a: i128, b: i128) -> i128 {
        a & b
    }

    fn gradient(_: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}
