//! `right_shift`: the bits moved down, the sign kept.

use super::binary::prelude::*;

binary! {
    /// The bits moved down, the sign kept.
    RightShift, right_shift, "right_shift"
}

impl BinaryRule for RightShift {
    const FLOATS: bool = false;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        a.max(b)
    }

    fn integer(a: i128, b: i128) -> i128 {
        if b < 0 { 0 } else { a >> b.min(127) }
    }

    fn gradient(_: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}
