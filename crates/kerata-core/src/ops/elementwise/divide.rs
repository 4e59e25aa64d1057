//! `divide`: the quotient of two tensors; whole numbers are divided as floats.

use super::binary::prelude::*;

binary! {
    /// The quotient of two tensors; whole numbers are divided as floats.
    Divide, divide, "divide"
}

impl BinaryRule for Divide {
    const INTEGERS: bool = false;
    const COMPLEX: bool = true;

    fn real<T: Real>(a: T, b: T) -> T {
        a / b
    }

    fn complex(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
        a / b
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let numerator = ops::divide(&g.grad(0)?, &ops::conj(g.input(1)?)?)?;
        let denominator = ops::negative(&ops::multiply(&numerator, &ops::conj(g.output(0)?)?)?)?;
        Ok([Some(numerator), Some(denominator)])
    }
}
