//! `sigmoid`: one over one plus e to the power of minus x.

use super::unary::prelude::*;

unary! {
    /// One over one plus e to the power of minus x.
    Sigmoid, sigmoid, "sigmoid"
}

impl UnaryRule for Sigmoid {
    fn real<T: Real>(x: T) -> T {
        T::one() / (T::one() + (-x).exp())
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let y = g.output(0)?;
        let slope = ops::multiply(y, &ops::subtract(&ops::scalar(y, 1.0)?, y)?)?;
        ops::multiply(&g.grad(0)?, &slope).map(Some)
    }
}
