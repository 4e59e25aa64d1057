//! `tan`: the tangent.

use super::unary::prelude::*;

unary! {
    /// The tangent.
    Tan, tan, "tan"
}

impl UnaryRule for Tan {
    fn real<T: Real>(x: T) -> T {
        x.tan()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::plus(&ops::square(g.output(0)?)?, 1.0)?)
    }
}
