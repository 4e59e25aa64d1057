//! `expm1`: e to the power of each element, minus one.

use super::unary::prelude::*;

unary! {
    /// E to the power of each element, minus one.
    Expm1, expm1, "expm1"
}

impl UnaryRule for Expm1 {
    fn real<T: Real>(x: T) -> T {
        x.exp_m1()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::plus(g.output(0)?, 1.0)?)
    }
}
