//! `add`: the sum of two tensors.

use super::binary::prelude::*;

binary! {
    /// The sum of two tensors.
    Add, add, "add"
}

impl BinaryRule for Add {
    const COMPLEX: bool = true;
    const BOOLS: bool = true;

    fn real<T: Real>(a: T, b: T) -> T {
        a + b
    }

    fn integer(a: i128, b: i128) -> i128 {
        a + b
    }

    fn complex(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
        a + b
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([Some(g.grad(0)?), Some(g.grad(0)?)])
    }
}
