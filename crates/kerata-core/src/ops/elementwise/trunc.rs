//! `trunc`: the whole number towards zero.

use super::unary::prelude::*;

unary! {
    /// The whole number towards zero.
    Trunc, trunc, "trunc"
}

impl UnaryRule for Trunc {
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        x.trunc()
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
