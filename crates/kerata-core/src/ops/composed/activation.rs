//! Activation functions, as `keras.activations` and `keras.ops.nn` define them.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::Result;
use crate::graph::Tensor;
use crate::ops;

/// A function of a float tensor in a name scope by which engines recognise it.
fn scoped(x: &Tensor, name: &str, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let x = ops::to_float(x)?;
    let _scope = x.builder().scope(name);
    f(&x)
}

/// Exponentials divided by their sum over axes.
pub fn softmax(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    scoped(x, "softmax", |x| {
        let exponentials = ops::exp(&ops::subtract(x, &ops::stop_gradient(&ops::max(x, axes, true)?)?)?)?;
        ops::divide(&exponentials, &ops::sum(&exponentials, axes, true)?)
    })
}

/// The logarithm of `softmax`.
pub fn log_softmax(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    scoped(x, "log_softmax", |x| {
        let shifted = ops::subtract(x, &ops::stop_gradient(&ops::max(x, axes, true)?)?)?;
        ops::subtract(&shifted, &ops::log(&ops::sum(&ops::exp(&shifted)?, axes, true)?)?)
    })
}

/// The logarithm of the sum of exponentials over axes (none: all).
pub fn logsumexp(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    scoped(x, "logsumexp", |x| {
        let largest = ops::stop_gradient(&ops::max(x, axes, true)?)?;
        // Infinite elements would make the difference undefined.
        let largest = ops::select(&ops::isfinite(&largest)?, &largest, &ops::zeros_like(&largest)?)?;
        let sum = ops::sum(&ops::exp(&ops::subtract(x, &largest)?)?, axes, true)?;
        let result = ops::add(&ops::log(&sum)?, &largest)?;
        if keepdims {
            return Ok(result);
        }
        let all: Vec<i64> = (0..x.rank() as i64).collect();
        let gone = if axes.is_empty() { &all } else { axes };
        ops::squeeze(&result, gone)
    })
}

/// `x · Φ(x)`, exactly or by way of tanh.
pub fn gelu(x: &Tensor, approximate: bool) -> Result<Tensor> {
    scoped(x, "gelu", |x| {
        let inner = if approximate {
            let cube = ops::multiply(x, &ops::square(x)?)?;
            let sum = ops::add(x, &ops::times(&cube, 0.044_715)?)?;
            ops::tanh(&ops::times(&sum, (2.0 / PI).sqrt())?)?
        } else {
            ops::erf(&ops::times(x, FRAC_1_SQRT_2)?)?
        };
        ops::multiply(&ops::times(x, 0.5)?, &ops::plus(&inner, 1.0)?)
    })
}

/// `x · sigmoid(x)`.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    scoped(x, "silu", |x| ops::multiply(x, &ops::sigmoid(x)?))
}

/// `x` above zero, `alpha · (eˣ - 1)` below.
pub fn elu(x: &Tensor, alpha: f64) -> Result<Tensor> {
    scoped(x, "elu", |x| {
        // Below zero only, so that large numbers do not overflow on the side that is not taken.
        let below = ops::times(&ops::expm1(&ops::minimum(x, &ops::scalar(x, 0.0)?)?)?, alpha)?;
        ops::select(&ops::greater(x, &ops::scalar(x, 0.0)?)?, x, &below)
    })
}

/// `elu`, scaled so that mean and variance are kept.
pub fn selu(x: &Tensor) -> Result<Tensor> {
    ops::times(&elu(x, 1.673_263_242_354_377_3)?, 1.050_700_987_355_480_5)
}

/// `elu` whose slope is continuous for every `alpha`.
pub fn celu(x: &Tensor, alpha: f64) -> Result<Tensor> {
    scoped(x, "celu", |x| {
        let zero = ops::scalar(x, 0.0)?;
        let below = ops::expm1(&ops::times(&ops::minimum(x, &zero)?, 1.0 / alpha)?)?;
        ops::add(&ops::maximum(x, &zero)?, &ops::times(&below, alpha)?)
    })
}

/// `x` above zero, `slope · x` below.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    scoped(x, "leaky_relu", |x| {
        ops::select(&ops::greater(x, &ops::scalar(x, 0.0)?)?, x, &ops::times(x, slope)?)
    })
}

/// `relu` cut at 6.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    clip(x, 0.0, 6.0)
}

/// `relu6(x + 3) / 6`.
pub fn hard_sigmoid(x: &Tensor) -> Result<Tensor> {
    scoped(x, "hard_sigmoid", |x| clip(&ops::plus(&ops::times(x, 1.0 / 6.0)?, 0.5)?, 0.0, 1.0))
}

/// `x · hard_sigmoid(x)`.
pub fn hard_silu(x: &Tensor) -> Result<Tensor> {
    scoped(x, "hard_silu", |x| ops::multiply(x, &hard_sigmoid(x)?))
}

/// `x` cut at -1 and 1.
pub fn hard_tanh(x: &Tensor) -> Result<Tensor> {
    clip(&ops::to_float(x)?, -1.0, 1.0)
}

/// `x` outside of `[-threshold, threshold]`, zero inside.
pub fn hard_shrink(x: &Tensor, threshold: f64) -> Result<Tensor> {
    scoped(x, "hard_shrink", |x| {
        let is_far = ops::greater(&ops::absolute(x)?, &ops::scalar(x, threshold)?)?;
        ops::select(&is_far, x, &ops::scalar(x, 0.0)?)
    })
}

/// `x` moved towards zero by the threshold, zero near it.
pub fn soft_shrink(x: &Tensor, threshold: f64) -> Result<Tensor> {
    scoped(x, "soft_shrink", |x| {
        let zero = ops::scalar(x, 0.0)?;
        let above = ops::maximum(&ops::plus(x, -threshold)?, &zero)?;
        ops::add(&above, &ops::minimum(&ops::plus(x, threshold)?, &zero)?)
    })
}

/// `x - tanh(x)`.
pub fn tanh_shrink(x: &Tensor) -> Result<Tensor> {
    scoped(x, "tanh_shrink", |x| ops::subtract(x, &ops::tanh(x)?))
}

/// `x / (|x| + 1)`.
pub fn softsign(x: &Tensor) -> Result<Tensor> {
    scoped(x, "softsign", |x| ops::divide(x, &ops::plus(&ops::absolute(x)?, 1.0)?))
}

/// `(x + √(x² + b)) / 2`.
pub fn squareplus(x: &Tensor, b: f64) -> Result<Tensor> {
    scoped(x, "squareplus", |x| {
        let root = ops::sqrt(&ops::plus(&ops::square(x)?, b)?)?;
        ops::times(&ops::add(x, &root)?, 0.5)
    })
}

/// The logarithm of `sigmoid`.
pub fn log_sigmoid(x: &Tensor) -> Result<Tensor> {
    scoped(x, "log_sigmoid", |x| ops::negative(&ops::softplus(&ops::negative(x)?)?))
}

/// `x` above the threshold, `value` elsewhere.
pub fn threshold(x: &Tensor, threshold: f64, value: f64) -> Result<Tensor> {
    ops::select(&ops::greater(x, &ops::scalar(x, threshold)?)?, x, &ops::scalar(x, value)?)
}

/// 0 below -1, `x` above 1, a parabola between.
pub fn sparse_plus(x: &Tensor) -> Result<Tensor> {
    scoped(x, "sparse_plus", |x| {
        let parabola = ops::times(&ops::square(&ops::plus(x, 1.0)?)?, 0.25)?;
        let upper = ops::select(&ops::less(x, &ops::scalar(x, 1.0)?)?, &parabola, x)?;
        ops::select(&ops::less_equal(x, &ops::scalar(x, -1.0)?)?, &ops::scalar(x, 0.0)?, &upper)
    })
}

/// 0 below -1, 1 above 1, a line between.
pub fn sparse_sigmoid(x: &Tensor) -> Result<Tensor> {
    scoped(x, "sparse_sigmoid", |x| clip(&ops::times(&ops::plus(x, 1.0)?, 0.5)?, 0.0, 1.0))
}

/// `sparsemax` along an axis as Keras computes it.
pub fn sparsemax(x: &Tensor, axis: i64) -> Result<Tensor> {
    scoped(x, "sparsemax", |x| {
        let last = ops::swapaxes(x, axis, -1)?;
        let sorted = ops::flip(&ops::sort(&last, -1)?, &[-1])?;
        let sums = ops::cumsum(&sorted, Some(-1))?;
        let places = ops::iota(x.builder(), last.size(last.rank() - 1), x.dtype())?;
        let places = ops::plus(&places, 1.0)?;
        let is_in = ops::greater(&ops::plus(&ops::multiply(&places, &sorted)?, 1.0)?, &sums)?;
        let is_in = ops::cast(&is_in, x.dtype())?;
        // Keras adds all the sums up to the threshold, where the literature takes the last.
        let sum = ops::sum(&ops::multiply(&sums, &is_in)?, &[-1], true)?;
        let level = ops::divide(&ops::plus(&sum, -1.0)?, &ops::sum(&is_in, &[-1], true)?)?;
        let result = ops::maximum(&ops::subtract(&last, &level)?, &ops::scalar(x, 0.0)?)?;
        ops::swapaxes(&result, axis, -1)
    })
}

/// One half of an axis times the sigmoid of the other.
pub fn glu(x: &Tensor, axis: i64) -> Result<Tensor> {
    let halves = ops::split(x, 2, axis)?;
    ops::multiply(&halves[0], &ops::sigmoid(&halves[1])?)
}

/// `relu` with a slope below the threshold and a largest value, as the `ReLU` layer has it.
pub fn relu_with(x: &Tensor, negative_slope: f64, max_value: Option<f64>, threshold: f64) -> Result<Tensor> {
    let mut x = x.clone();
    if threshold == 0.0 && negative_slope == 0.0 && max_value.is_none() {
        return ops::relu(&x);
    }
    let below = (negative_slope != 0.0).then(|| {
        // negative_slope · relu(threshold - x)
        ops::times(&ops::relu(&ops::subtract(&ops::scalar(&x, threshold)?, &x)?)?, negative_slope)
    });
    let below = below.transpose()?;
    x = if threshold == 0.0 {
        ops::relu(&x)?
    } else {
        let is_above = ops::greater(&x, &ops::scalar(&x, threshold)?)?;
        ops::select(&is_above, &x, &ops::scalar(&x, 0.0)?)?
    };
    if let Some(most) = max_value {
        x = clip(&x, 0.0, most)?;
    }
    match below {
        Some(below) => ops::subtract(&x, &below),
        None => Ok(x),
    }
}

/// Elements cut at two numbers.
pub fn clip(x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    let low = ops::full(x.builder(), Vec::<ops::Size>::new(), low, x.dtype())?;
    let high = ops::full(x.builder(), Vec::<ops::Size>::new(), high, x.dtype())?;
    ops::minimum(&ops::maximum(x, &low)?, &high)
}
