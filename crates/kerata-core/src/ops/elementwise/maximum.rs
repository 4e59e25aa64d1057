//! `maximum`: the larger of two elements; NaN wins.

use super::binary::prelude::*;

binary! {
    /// The larger of two elements; NaN wins.
    Maximum, maximum, "maximum"
}

impl BinaryRule for Maximum {
    fn real<T: Real>(a: T, b: T) -> T {
        if a.is_nan() || a > b { a } else { b }
    }

    fn integer(a: i128, b: i128) -> i128 {
        a.max(b)
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let grad = g.grad(0)?;
        let first = ops::greater_equal(g.input(0)?, g.input(1)?)?;
        let zero = ops::zeros_like(&grad)?;
        Ok([Some(ops::select(&first, &grad, &zero)?), Some(ops::select(&first, &zero, &grad)?)])
    }
}
