//! `negative`: the negated elements.

use super::unary::prelude::*;

unary! {
    /// The negated elements.
    Negative, negative, "negative"
}

impl UnaryRule for Negative {
    const INTEGERS: bool = true;
    const COMPLEX: bool = true;

    fn real<T: Real>(x: T) -> T {
        -x
    }

    fn integer(x: i128) -> i128 {
        -x
    }

    fn complex(x: Complex<f64>) -> Complex<f64> {
        -x
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        ops::negative(&g.grad(0)?).map(Some)
    }
}
