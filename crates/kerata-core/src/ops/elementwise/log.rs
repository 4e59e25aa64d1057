//! `log`: the natural logarithm.

use super::unary::prelude::*;

unary! {
    /// The natural logarithm.
    Log, log, "log"
}

impl UnaryRule for Log {
    const COMPLEX: bool = true;

    fn real<T: Real>(x: T) -> T {
        x.ln()
    }

    fn complex(x: Complex<f64>) -> Complex<f64> {
        x.ln()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.over(g.input(0)?)
    }
}
