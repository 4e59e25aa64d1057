//! `arccosh`: the inverse hyperbolic cosine.

use super::unary::prelude::*;

unary! {
    /// The inverse hyperbolic cosine.
    Arccosh, arccosh, "arccosh"
}

impl UnaryRule for Arccosh {
    fn real<T: Real>(x: T) -> T {
        x.acosh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::rsqrt(&ops::plus(&ops::square(g.input(0)?)?, -1.0)?)?)
    }
}
