//! `minimum`: the smaller of two elements; NaN wins.

use super::binary::prelude::*;

binary! {
    /// The smaller of two elements; NaN wins.
    Minimum, minimum, "minimum"
}

impl BinaryRule for Minimum {
    fn real<T: Real>(a: T, b: T) -> T {
        if a.is_nan() || a < b { a } else { b }
    }

    fn integer(a: i128, b: i128) -> i128 {
        a.min(b)
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let grad = g.grad(0)?;
        let first = ops::less_equal(g.input(0)?, g.input(1)?)?;
        let zero = ops::zeros_like(&grad)?;
        Ok([Some(ops::select(&first, &grad, &zero)?), Some(ops::select(&first, &zero, &grad)?)])
    }
}
