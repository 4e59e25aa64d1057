//! `Real`: the floats in which elementwise ops compute.

use num_traits::Float;

/// float32 or float64, with the functions that the standard library lacks.
pub trait Real: Float + 'static {
    /// The nearest whole number, the even one of two.
    fn round_even(self) -> Self;

    /// The error function.
    fn erf(self) -> Self;

    /// The inverse of the error function.
    fn erf_inverse(self) -> Self;
}

impl Real for f32 {
    fn round_even(self) -> Self {
        self.round_ties_even()
    }

    fn erf(self) -> Self {
        libm::erff(self)
    }

    fn erf_inverse(self) -> Self {
        erf_inverse(self.into()) as f32
    }
}

impl Real for f64 {
    fn round_even(self) -> Self {
        self.round_ties_even()
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }

    fn erf_inverse(self) -> Self {
        erf_inverse(self)
    }
}

/// A rough start (Winitzki 2008), then Halley's method, which doubles and more the digits of each step.
fn erf_inverse(y: f64) -> f64 {
    if !(-1.0..=1.0).contains(&y) {
        return f64::NAN;
    }
    if y.abs() == 1.0 {
        return y * f64::INFINITY;
    }
    const A: f64 = 0.147;
    let log = (-y * y).ln_1p();
    let half = 2.0 / (std::f64::consts::PI * A) + log / 2.0;
    let mut x = ((half * half - log / A).sqrt() - half).sqrt().copysign(y);
    for _ in 0..3 {
        // Near the ends the difference of complements keeps the digits that the difference of values loses.
        let error =
            if y.abs() < 0.5 { libm::erf(x) - y } else { (1.0 - y.abs() - libm::erfc(x.abs())) * y.signum() };
        let step = error / (std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp());
        x -= step / (1.0 + x * step);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_error_function_inverts() {
        for y in [-0.999_999, -0.9, -0.3, 0.0, 1e-9, 0.5, 0.99, 0.999_999_999] {
            assert!((libm::erf(erf_inverse(y)) - y).abs() < 1e-14, "{y}");
        }
        assert!(erf_inverse(1.5).is_nan());
        assert_eq!(erf_inverse(-1.0), f64::NEG_INFINITY);
    }
}
