//! `round`: the nearest whole number, the even one of two.

use super::unary::prelude::*;

unary! {
    /// The nearest whole number, the even one of two.
    Round, round, "round"
}

impl UnaryRule for Round {
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        x.round_even()
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
