//! `cos`: the cosine.

use super::unary::prelude::*;

unary! {
    /// The cosine.
    Cos, cos, "cos"
}

impl UnaryRule for Cos {
    fn real<T: Real>(x: T) -> T {
        x.cos()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.times(&ops::negative(&ops::sin(g.input(0)?)?)?)
    }
}
