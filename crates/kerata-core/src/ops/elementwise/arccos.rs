//! `arccos`: the inverse cosine.

use super::unary::prelude::*;

unary! {
    /// The inverse cosine.
    Arccos, arccos, "arccos"
}

impl UnaryRule for Arccos {
    fn real<T: Real>(x: T) -> T {
        x.acos()
    }

    fn gradient(g: &Gradient<'_>) -> Result<Option<Tensor>> {
        let root = ops::rsqrt(&ops::one_minus(&ops::square(g.input(0)?)?)?)?;
        g.times(&ops::negative(&root)?)
    }
}
