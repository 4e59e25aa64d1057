//! `erfinv`: the inverse of the error function.

use super::unary::prelude::*;

unary! {
    /// The inverse of the error function.
    Erfinv, erfinv, "erfinv"
}

impl UnaryRule for Erfinv {
    fn real<T: Real>(x: T) -> T {
        x.erf_inverse()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let bell = ops::exp(&ops::square(g.output(0)?)?)?;
        g.times(&ops::times(&bell, 1.0 / std::f64::consts::FRAC_2_SQRT_PI)?)
    }
}
