//! `power`: one element to the power of another.

use super::binary::prelude::*;

binary! {
    /// One element to the power of another.
    Power, power, "power"
}

impl BinaryRule for Power {
    const COMPLEX: bool = true;

    fn real<T: Real>(a: T, b: T) -> T {
        a.powf(b)
    }

    fn integer(a: i128, b: i128) -> i128 {
        // Negative powers of whole numbers are cut to 0, except those of 1 and -1.
        match u32::try_from(b) {
            Ok(exponent) => (0..exponent.min(64)).fold(1, |power: i128, _| power.wrapping_mul(a)),
            Err(_) if a == 1 || a == -1 => if b % 2 == 0 { 1 } else { a },
            Err(_) => 0,
        }
    }

    fn complex(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
        a.powc(b)
    }

    fn gradient(g: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        let (grad, base, exponent) = (g.grad(0)?, g.input(0)?, g.input(1)?);
        let lower = ops::power(base, &ops::plus(exponent, -1.0)?)?;
        let left = ops::multiply(&grad, &ops::multiply(exponent, &lower)?)?;
        // The logarithm of a base of zero or below is left out, as TensorFlow does.
        let is_positive = ops::greater(base, &ops::scalar(base, 0.0)?)?;
        let safe = ops::select(&is_positive, base, &ops::scalar(base, 1.0)?)?;
        let right = ops::multiply(&grad, &ops::multiply(g.output(0)?, &ops::log(&safe)?)?)?;
        Ok([Some(left), Some(right)])
    }
}
