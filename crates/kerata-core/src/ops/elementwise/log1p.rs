//! `log1p`: the natural logarithm of one plus x.

use super::unary::prelude::*;

unary! {
    /// The natural logarithm of one plus x.
    Log1p, log1p, "log1p"
}

impl UnaryRule for Log1p {
    fn real<T: Real>(x: T) -> T {
        x.ln_1p()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.over(&ops::plus(g.input(0)?, 1.0)?)
    }
}
