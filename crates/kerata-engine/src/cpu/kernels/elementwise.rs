//! Loops over slices for functions of one and two elements.

use super::isa::by_isa;
use super::math;

/// A function of one element.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Unary {
    Copy,
    Negative,
    Abs,
    Square,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Exp,
    Expm1,
    Log,
    Log1p,
    Tanh,
    Sigmoid,
    Silu,
    Softplus,
    Erf,
    Relu,
    Floor,
    Ceil,
    Sign,
    Sin,
    Cos,
    /// Between two numbers.
    Clip(f32, f32),
    /// `x + c`.
    Plus(f32),
    /// `x * c`.
    Times(f32),
    /// `c - x`.
    From(f32),
    /// `c / x`.
    Over(f32),
    /// `x / c`.
    Per(f32),
    /// `max(x, c)`.
    AtLeast(f32),
    /// `min(x, c)`.
    AtMost(f32),
    /// `x ^ c`.
    Power(f32),
    /// `c ^ x`.
    Base(f32),
}

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,
    Minimum,
    Power,
    /// Comparisons give 1 or 0.
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// The larger; NaN if either is.
#[inline(always)]
pub fn maximum(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller; NaN if either is.
#[inline(always)]
pub fn minimum(a: f32, b: f32) -> f32 {
    if a < b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x);
    }
}

#[inline(always)]
fn zip(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
        *y = f(a, b);
    }
}

#[inline(always)]
fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

by_isa! {
    /// `y = f(x)`, element by element.
    pub fn unary(function: Unary, x: &[f32], y: &mut [f32]) {
        match function {
            Unary::Copy => map(x, y, |x| x),
            Unary::Negative => map(x, y, |x| -x),
            Unary::Abs => map(x, y, f32::abs),
            Unary::Square => map(x, y, |x| x * x),
            Unary::Sqrt => map(x, y, f32::sqrt),
            Unary::Rsqrt => map(x, y, |x| 1.0 / x.sqrt()),
            Unary::Reciprocal => map(x, y, |x| 1.0 / x),
            Unary::Exp => map(x, y, math::exp),
            Unary::Expm1 => map(x, y, math::expm1),
            Unary::Log => map(x, y, math::log),
            Unary::Log1p => map(x, y, math::log1p),
            Unary::Tanh => map(x, y, math::tanh),
            Unary::Sigmoid => map(x, y, math::sigmoid),
            Unary::Silu => map(x, y, |x| x * math::sigmoid(x)),
            Unary::Softplus => map(x, y, math::softplus),
            Unary::Erf => map(x, y, math::erf),
            Unary::Relu => map(x, y, |x| if x <= 0.0 { 0.0 } else { x }),
            Unary::Floor => map(x, y, f32::floor),
            Unary::Ceil => map(x, y, f32::ceil),
            Unary::Sign => map(x, y, sign),
            Unary::Sin => map(x, y, f32::sin),
            Unary::Cos => map(x, y, f32::cos),
            Unary::Clip(low, high) => map(x, y, |x| {
                let x = if x < low { low } else { x };
                if x > high { high } else { x }
            }),
            Unary::Plus(c) => map(x, y, |x| x + c),
            Unary::Times(c) => map(x, y, |x| x * c),
            Unary::From(c) => map(x, y, |x| c - x),
            Unary::Over(c) => map(x, y, |x| c / x),
            Unary::Per(c) => map(x, y, |x| x / c),
            Unary::AtLeast(c) => map(x, y, |x| maximum(x, c)),
            Unary::AtMost(c) => map(x, y, |x| minimum(x, c)),
            Unary::Power(c) => map(x, y, |x| x.powf(c)),
            Unary::Base(c) => map(x, y, |x| c.powf(x)),
        }
    }
}

by_isa! {
    /// `y = f(a, b)`, element by element.
    pub fn binary(function: Binary, a: &[f32], b: &[f32], y: &mut [f32]) {
        match function {
            Binary::Add => zip(a, b, y, |a, b| a + b),
            Binary::Subtract => zip(a, b, y, |a, b| a - b),
            Binary::Multiply => zip(a, b, y, |a, b| a * b),
            Binary::Divide => zip(a, b, y, |a, b| a / b),
            Binary::Maximum => zip(a, b, y, maximum),
            Binary::Minimum => zip(a, b, y, minimum),
            Binary::Power => zip(a, b, y, f32::powf),
            Binary::Less => zip(a, b, y, |a, b| f32::from(u8::from(a < b))),
            Binary::LessEqual => zip(a, b, y, |a, b| f32::from(u8::from(a <= b))),
            Binary::Greater => zip(a, b, y, |a, b| f32::from(u8::from(a > b))),
            Binary::GreaterEqual => zip(a, b, y, |a, b| f32::from(u8::from(a >= b))),
            Binary::Equal => zip(a, b, y, |a, b| f32::from(u8::from(a == b))),
            Binary::NotEqual => zip(a, b, y, |a, b| f32::from(u8::from(a != b))),
        }
    }
}

by_isa! {
    /// `y = a` where the condition is not zero, else `b`.
    pub fn select(condition: &[f32], a: &[f32], b: &[f32], y: &mut [f32]) {
        for (((y, &c), &a), &b) in y.iter_mut().zip(condition).zip(a).zip(b) {
            *y = if c != 0.0 { a } else { b };
        }
    }
}

by_isa! {
    /// `y` = one number.
    pub fn fill(number: f32, y: &mut [f32]) {
        y.fill(number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::*;

    #[test]
    fn functions_have_the_same_bits_on_every_path() {
        let x: Vec<f32> = (0..4099).map(|i| (i as f32 - 2000.0) * 0.0173).collect();
        for function in [
            Unary::Exp,
            Unary::Expm1,
            Unary::Log,
            Unary::Log1p,
            Unary::Tanh,
            Unary::Sigmoid,
            Unary::Silu,
            Unary::Softplus,
            Unary::Erf,
            Unary::Rsqrt,
            Unary::Clip(-1.0, 6.0),
        ] {
            let mut want = vec![0.0; x.len()];
            unary(Isa::available()[0], function, &x, &mut want);
            for isa in Isa::available() {
                let mut got = vec![0.0; x.len()];
                unary(isa, function, &x, &mut got);
                let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let nan = |v: &[f32]| v.iter().map(|x| x.is_nan()).collect::<Vec<_>>();
                assert_eq!(nan(&got), nan(&want), "{function:?}");
                let number = |v: &[f32]| {
                    bits(&v.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect::<Vec<_>>())
                };
                assert_eq!(number(&got), number(&want), "{function:?} {isa:?}");
            }
        }
    }

    #[test]
    fn nan_passes_through_the_comparing_functions() {
        let x = [f32::NAN; 3];
        for function in [Unary::Relu, Unary::Clip(0.0, 6.0), Unary::AtLeast(1.0), Unary::AtMost(1.0)] {
            let mut y = [0.0; 3];
            unary(Isa::best(), function, &x, &mut y);
            assert!(y.iter().all(|y| y.is_nan()), "{function:?}");
        }
    }
}
