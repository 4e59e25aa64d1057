//! `arctanh`: the inverse hyperbolic tangent.

use super::unary::prelude::*;

unary! {
    /// The inverse hyperbolic tangent.
    Arctanh, arctanh, "arctanh"
}

impl UnaryRule for Arctanh {
    fn real<T: Real>(x: T) -> T {
        x.atanh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.over(&ops::one_minus(&ops::square(g.input(0)?)?)?)
    }
}
