//! `bitwise_not`: every bit turned.

use super::unary::prelude::*;

unary! {
    /// Every bit turned.
    BitwiseNot, bitwise_not, "bitwise_not"
}

impl UnaryRule for BitwiseNot {
    const INTEGERS: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        x
    }

    fn integer(x: i128) -> i128 {
        !x
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
