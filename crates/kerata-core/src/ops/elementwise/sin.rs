//! `sin`: the sine.

use super::unary::prelude::*;

unary! {
    /// The sine.
    Sin, sin, "sin"
}

impl UnaryRule for Sin {
    fn real<T: Real>(x: T) -> T {
        x.sin()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::cos(g.input(0)?)?)
    }
}
