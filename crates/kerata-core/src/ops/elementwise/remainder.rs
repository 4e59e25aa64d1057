//! `remainder`: the remainder, with the sign of the divisor.

use super::binary::prelude::*;

binary! {
    /// The remainder, with the sign of the divisor.
    Remainder, remainder, "mod"
}

impl BinaryRule for Remainder {
    fn real<T: Real>(a: T, b: T) -> T {
        let rest = a % b;
        if rest != T::zero() && (rest < T::zero()) != (b < T::zero()) { rest + b } else { rest }
    }

    fn integer(a: i128, b: i128) -> i128 {
        if b == 0 {
            return 0;
        }
        let rest = a % b;
        if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let grad = g.grad(0)?;
        let quotient = ops::floor_divide(g.input(0)?, g.input(1)?)?;
        Ok([Some(grad.clone()), Some(ops::negative(&ops::multiply(&grad, &quotient)?)?)])
    }
}
