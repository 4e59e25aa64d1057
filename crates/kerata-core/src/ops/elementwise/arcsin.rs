//! `arcsin`: the inverse sine.

use super::unary::prelude::*;

unary! {
    /// The inverse sine.
    Arcsin, arcsin, "arcsin"
}

impl UnaryRule for Arcsin {
    fn real<T: Real>(x: T) -> T {
        x.asin()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::rsqrt(&ops::one_minus(&ops::square(g.input(0)?)?)?)?)
    }
}
