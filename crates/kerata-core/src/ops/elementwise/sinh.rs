//! `sinh`: the hyperbolic sine.

use super::unary::prelude::*;

unary! {
    /// The hyperbolic sine.
    Sinh, sinh, "sinh"
}

impl UnaryRule for Sinh {
    fn real<T: Real>(x: T) -> T {
        x.sinh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::cosh(g.input(0)?)?)
    }
}
