//! `arctan2`: the angle of a point from its height and width.

use super::binary::prelude::*;

binary! {
    /// The angle of a point from its height and width.
    Arctan2, arctan2, "arctan2"
}

impl BinaryRule for Arctan2 {
    const INTEGERS: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        a.atan2(b)
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let (y, x) = (g.input(0)?, g.input(1)?);
        let scaled = ops::divide(&g.grad(0)?, &ops::add(&ops::square(x)?, &ops::square(y)?)?)?;
        Ok([Some(ops::multiply(&scaled, x)?), Some(ops::negative(&ops::multiply(&scaled, y)?)?)])
    }
}
