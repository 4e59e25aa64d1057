//! `arcsinh`: the inverse hyperbolic sine.

use super::unary::prelude::*;

unary! {
    /// The inverse hyperbolic sine.
    Arcsinh, arcsinh, "arcsinh"
}

impl UnaryRule for Arcsinh {
    fn real<T: Real>(x: T) -> T {
        x.asinh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::rsqrt(&ops::plus(&ops::square(g.input(0)?)?, 1.0)?)?)
    }
}
