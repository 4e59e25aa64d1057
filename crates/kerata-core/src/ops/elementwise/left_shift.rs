//! `left_shift`: the bits moved up.

use super::binary::prelude::*;

binary! {
    /// The bits moved up.
    LeftShift, left_shift, "left_shift"
}

impl BinaryRule for LeftShift {
    const FLOATS: bool = false;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        a.max(b)
    }

    fn integer(a: i128, b: i128) -> i128 {
        if (0..64).contains(&b) { a << b } else { 0 }
    }

    fn gradient(_: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}
