//! `ceil`: the next whole number above.

use super::unary::prelude::*;

unary! {
    /// The next whole number above.
    Ceil, ceil, "ceil"
}

impl UnaryRule for Ceil {
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        x.ceil()
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
