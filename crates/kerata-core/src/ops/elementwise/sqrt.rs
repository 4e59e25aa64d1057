//! `sqrt`: the square root.

use super::unary::prelude::*;

unary! {
    /// The square root.
    Sqrt, sqrt, "sqrt"
}

impl UnaryRule for Sqrt {
    const COMPLEX: bool = true;

    fn real<T: Real>(x: T) -> T {
        x.sqrt()
    }

    fn complex(x: Complex<f64>) -> Complex<f64> {
        x.sqrt()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.over(&ops::times(g.output(0)?, 2.0)?)
    }
}
