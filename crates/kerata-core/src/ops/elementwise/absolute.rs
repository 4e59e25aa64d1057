//! `absolute`: the distance from zero.

use super::unary::prelude::*;

unary! {
    /// The distance from zero.
    Absolute, absolute, "absolute"
}

impl UnaryRule for Absolute {
    const INTEGERS: bool = true;

    fn real<T: Real>(x: T) -> T {
        x.abs()
    }

    fn integer(x: i128) -> i128 {
        x.abs()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::sign(g.input(0)?)?)
    }
}
