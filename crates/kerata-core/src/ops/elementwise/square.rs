//! `square`: the square of each element.

use super::unary::prelude::*;

unary! {
    /// The square of each element.
    Square, square, "square"
}

impl UnaryRule for Square {
    const INTEGERS: bool = true;
    const COMPLEX: bool = true;

    fn real<T: Real>(x: T) -> T {
        x * x
    }

    fn integer(x: i128) -> i128 {
        x.wrapping_mul(x)
    }

    fn complex(x: Complex<f64>) -> Complex<f64> {
        x * x
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let slope = ops::multiply(g.input(0)?, &ops::scalar(g.input(0)?, 2)?)?;
        g.times(&slope)
    }
}
