//! `rsqrt`: one over the square root.

use super::unary::prelude::*;

unary! {
    /// One over the square root.
    Rsqrt, rsqrt, "rsqrt"
}

impl UnaryRule for Rsqrt {
    fn real<T: Real>(x: T) -> T {
        x.sqrt().recip()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let cube = ops::multiply(g.output(0)?, &ops::square(g.output(0)?)?)?;
        g.times(&ops::times(&cube, -0.5)?)
    }
}
