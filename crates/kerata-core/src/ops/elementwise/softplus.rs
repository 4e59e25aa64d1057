//! `softplus`: the logarithm of one plus e to the power of x.

use super::unary::prelude::*;

unary! {
    /// The logarithm of one plus e to the power of x.
    Softplus, softplus, "softplus"
}

impl UnaryRule for Softplus {
    fn real<T: Real>(x: T) -> T {
        x.max(T::zero()) + (-x.abs()).exp().ln_1p()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::sigmoid(g.input(0)?)?)
    }
}
