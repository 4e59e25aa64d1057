//! `arctan`: the inverse tangent.

use super::unary::prelude::*;

unary! {
    /// The inverse tangent.
    Arctan, arctan, "arctan"
}

impl UnaryRule for Arctan {
    fn real<T: Real>(x: T) -> T {
        x.atan()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        g.over(&ops::plus(&ops::square(g.input(0)?)?, 1.0)?)
    }
}
