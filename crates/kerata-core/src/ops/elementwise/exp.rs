//! `exp`: e to the power of each element.

use super::unary::prelude::*;

unary! {
    /// E to the power of each element.
    Exp, exp, "exp"
}

impl UnaryRule for Exp {
    const COMPLEX: bool = true;

    fn real<T: Real>(x: T) -> T {
        x.exp()
    }

    fn complex(x: Complex<f64>) -> Complex<f64> {
        x.exp()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(g.output(0)?)
    }
}
