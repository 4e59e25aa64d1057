//! Branch-free `f32` functions that the compiler vectorises inside [`by_isa!`](super::isa::by_isa) loops.
//!
//! Polynomials are minimax fits (weighted least squares iterated to equal ripple). Errors are within 2 ulp where
//! not said otherwise; infinities, zeros and NaN follow IEEE.
// Coefficients are printed with nine digits, which is what tells neighbouring floats apart.
#![allow(clippy::excessive_precision)]

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts; the first has 15 significant bits, so its product with an exponent is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Adding this rounds a small float to an integer, held in the low bits.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, coefficients[i]);
    }
    sum
}

/// `2^n` for `n` in the range of normal exponents.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// `e^x`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Comparisons are written so that NaN passes through.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let rounded = x.mul_add(LOG2_E, ROUND);
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let whole = rounded - ROUND;
    let r = whole.mul_add(-LN2_HIGH, x);
    let r = whole.mul_add(-LN2_LOW, r);
    let p = polynomial(
        r,
        [0.5, 1.666_667_16e-1, 4.166_625_44e-2, 8.333_262_99e-3, 1.394_722_49e-3, 1.991_938_04e-4],
    );
    let p = (r * r).mul_add(p, r) + 1.0;
    // Two steps, so that results below the normal range round once and those above it overflow.
    let half = n.clamp(-200, 200) >> 1;
    p * power_of_two(half) * power_of_two(n.clamp(-200, 200) - half)
}

/// `e^x - 1`, exact near zero.
#[inline(always)]
pub fn expm1(x: f32) -> f32 {
    let p = polynomial(
        x,
        [
            0.5,
            1.666_667_16e-1,
            4.166_666_79e-2,
            8.333_140_98e-3,
            1.388_854_35e-3,
            1.997_402e-4,
            2.497_025_5e-5,
        ],
    );
    let near = (x * x).mul_add(p, x);
    if x.abs() < 0.5 { near } else { exp(x) - 1.0 }
}

/// Natural logarithm.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let bits = scaled.to_bits() as i32;
    // The mantissa is taken into [sqrt(1/2), sqrt(2)).
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let exponent = shifted >> 23;
    let f = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3) as u32) - 1.0;
    let e = exponent as f32 - if tiny { 23.0 } else { 0.0 };
    let p = polynomial(
        f,
        [
            3.333_331_05e-1,
            -2.499_998_66e-1,
            2.000_222_65e-1,
            -1.666_924_95e-1,
            1.421_865_52e-1,
            -1.238_437e-1,
            1.187_301_65e-1,
            -1.178_969_59e-1,
            6.915_146_86e-2,
        ],
    );
    let square = f * f;
    let tail = e.mul_add(LN2_LOW, (square * f) * p);
    let result = e.mul_add(LN2_HIGH, (-0.5f32).mul_add(square, tail) + f);
    let result = if x == 0.0 { f32::NEG_INFINITY } else { result };
    let result = if x < 0.0 { f32::NAN } else { result };
    // Infinity and NaN are their own logarithms.
    if x < f32::INFINITY { result } else { x }
}

/// `ln(1 + x)`, exact near zero.
#[inline(always)]
pub fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let correction = (x - (u - 1.0)) / u;
    let result = log(u) + if u > 0.0 && u < f32::INFINITY { correction } else { 0.0 };
    if x == 0.0 { x } else { result }
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = polynomial(
        z,
        [
            -3.333_332_84e-1,
            1.333_315_82e-1,
            -5.394_056_44e-2,
            2.166_634_43e-2,
            -8.091_964_76e-3,
            2.064_662_05e-3,
        ],
    );
    let near = (x * z).mul_add(p, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    if x.abs() < 0.625 { near } else { far.copysign(x) }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let z = x * x;
    // erf(x) / x - 1, so that the sum rounds once in units of the result.
    let p = polynomial(
        z,
        [
            1.283_791_67e-1,
            -3.761_262_6e-1,
            1.128_358_54e-1,
            -2.685_381_1e-2,
            5.188_327_75e-3,
            -8.010_192_54e-4,
            7.853_857_82e-5,
        ],
    );
    let near = x.mul_add(p, x);
    let a = x.abs();
    let a = if a > 4.0 { 4.0 } else { a };
    let complement = exp(polynomial(
        a,
        [
            1.885_068_05e-4,
            -1.129_580_5,
            -6.332_160_83e-1,
            -1.084_224_28e-1,
            2.521_053_7e-2,
            -4.205_354_49e-3,
            4.414_860_16e-4,
            -2.169_869e-5,
        ],
    ));
    let far = (1.0 - complement).copysign(x);
    if x.abs() < 1.0 { near } else { far }
}

/// `ln(1 + e^x)` without overflow.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + log1p(exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest error of `f` against `exact` (both sides rounded once) in units in the last place.
    fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64, low: f32, high: f32) -> f64 {
        let mut worst = 0.0f64;
        for i in 0..200_000 {
            let x = low + (high - low) * (i as f32 / 200_000.0);
            let want = exact(x as f64);
            let ulp = ((want as f32).abs().to_bits() + 1) as f64;
            let ulp = (f32::from_bits(ulp as u32) - (want as f32).abs()) as f64;
            worst = worst.max((f(x) as f64 - want).abs() / ulp);
        }
        worst
    }

    /// erf by its series, in double precision; enough terms for |x| <= 4.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= -x * x / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn functions_are_within_two_ulp() {
        assert!(worst(exp, f64::exp, -87.0, 88.7) < 1.5);
        assert!(worst(expm1, f64::exp_m1, -5.0, 5.0) < 2.0);
        assert!(worst(log, f64::ln, 1e-30, 4.0) < 1.5);
        assert!(worst(log, f64::ln, 0.5, 1e30) < 1.5);
        assert!(worst(log1p, f64::ln_1p, -0.99, 4.0) < 2.5);
        assert!(worst(tanh, f64::tanh, -9.0, 9.0) < 2.0);
        assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -80.0, 20.0) < 2.5);
        assert!(worst(erf, erf_series, -3.9, 3.9) < 2.0);
        assert!(worst(softplus, |x| x.exp().ln_1p(), -20.0, 20.0) < 2.5);
    }

    #[test]
    fn special_values_follow_ieee() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(-104.0), 0.0);
        assert_eq!(log(0.0), f32::NEG_INFINITY);
        assert_eq!(log(f32::INFINITY), f32::INFINITY);
        assert!(log(-1.0).is_nan());
        assert!((log(1e-40) - 1e-40f64.ln() as f32).abs() < 1e-4);
        assert_eq!(log1p(-1.0), f32::NEG_INFINITY);
        assert_eq!(log1p(f32::INFINITY), f32::INFINITY);
        assert_eq!(tanh(50.0), 1.0);
        assert_eq!(tanh(f32::NEG_INFINITY), -1.0);
        assert_eq!(sigmoid(f32::NEG_INFINITY), 0.0);
        assert_eq!(erf(f32::INFINITY), 1.0);
        assert_eq!(softplus(f32::INFINITY), f32::INFINITY);
        for f in [exp, expm1, log, log1p, tanh, sigmoid, erf, softplus] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
