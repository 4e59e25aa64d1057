//! `cosh`: the hyperbolic cosine.

use super::unary::prelude::*;

unary! {
    /// The hyperbolic cosine.
    Cosh, cosh, "cosh"
}

impl UnaryRule for Cosh {
    fn real<T: Real>(x: T) -> T {
        x.cosh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::sinh(g.input(0)?)?)
    }
}
