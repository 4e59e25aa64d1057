//! `floor`: the next whole number below.

use super::unary::prelude::*;

unary! {
    /// The next whole number below.
    Floor, floor, "floor"
}

impl UnaryRule for Floor {
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(x: T) -> T {
        x.floor()
    }

    fn gradient(_: &Gradient<'_>) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
