//! `multiply`: the product of two tensors, element by element.

use super::binary::prelude::*;

binary! {
    /// The product of two tensors, element by element.
    Multiply, multiply, "multiply"
}

impl BinaryRule for Multiply {
    const COMPLEX: bool = true;
    const BOOLS: bool = true;

    fn real<T: Real>(a: T, b: T) -> T {
        a * b
    }

    fn integer(a: i128, b: i128) -> i128 {
        a.wrapping_mul(b)
    }

    fn complex(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
        a * b
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let grad = g.grad(0)?;
        Ok([Some(ops::multiply(&grad, &ops::conj(g.input(1)?)?)?), Some(ops::multiply(&grad, &ops::conj(g.input(0)?)?)?)])
    }
}
