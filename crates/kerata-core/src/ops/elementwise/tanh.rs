//! `tanh`: the hyperbolic tangent.

use super::unary::prelude::*;

unary! {
    /// The hyperbolic tangent.
    Tanh, tanh, "tanh"
}

impl UnaryRule for Tanh {
    fn real<T: Real>(x: T) -> T {
        x.tanh()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let slope = ops::subtract(&ops::scalar(g.output(0)?, 1.0)?, &ops::square(g.output(0)?)?)?;
        ops::multiply(&g.grad(0)?, &slope).map(Some)
    }
}
