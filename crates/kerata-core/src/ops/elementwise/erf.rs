//! `erf`: the error function.

use super::unary::prelude::*;

unary! {
    /// The error function.
    Erf, erf, "erf"
}

impl UnaryRule for Erf {
    fn real<T: Real>(x: T) -> T {
        x.erf()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let bell = ops::exp(&ops::negative(&ops::square(g.input(0)?)?)?)?;
        g.times(&ops::times(&bell, std::f64::consts::FRAC_2_SQRT_PI)?)
    }
}
