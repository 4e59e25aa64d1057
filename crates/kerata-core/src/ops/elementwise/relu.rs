//! `relu`: the elements above zero, zero for the others.

use super::unary::prelude::*;

unary! {
    /// The elements above zero, zero for the others.
    Relu, relu, "relu"
}

impl UnaryRule for Relu {
    const INTEGERS: bool = true;

    fn real<T: Real>(x: T) -> T {
        // NaN stays.
        if x <= T::zero() { T::zero() } else { x }
    }

    fn integer(x: i128) -> i128 {
        x.max(0)
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let grad = g.grad(0)?;
        let is_on = ops::greater(g.output(0)?, &ops::scalar(&grad, 0)?)?;
        ops::select(&is_on, &grad, &ops::scalar(&grad, 0)?).map(Some)
    }
}
