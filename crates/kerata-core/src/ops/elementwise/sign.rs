//! `sign`: -1, 0 or 1; NaN stays.

use super::unary::prelude::*;

unary! {
    /// -1, 0 or 1; NaN stays.
    Sign, sign, "sign"
}

impl UnaryRule for Sign {
    const INTEGERS: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        if x.is_nan() || x == T::zero() { x } else { x.signum() }
    }

    fn integer(x: i128) -> i128 {
        x.signum()
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
