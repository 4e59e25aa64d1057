//! Signals: transforms of frames turned back, correlation, waves.

use kerata_core::graph::Tensor;
use kerata_core::ops::{PadMode, Padding, Range};
use kerata_core::{Array, DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};
use super::math::complex;

pub(super) const TABLE: Table = &[
    ("Correlate", |call| one(correlate(call))),
    ("I0", |call| call.unary(|x| bessel_i0(&ops::to_float(x)?))),
    ("ISTFT", |call| one(istft(call))),
    ("Polar", |call| {
        call.binary(|length, angle| {
            ops::complex(
                &ops::multiply(length, &ops::cos(angle)?)?,
                &ops::multiply(length, &ops::sin(angle)?)?,
            )
        })
    }),
];

/// The products of a vector with another one at every shift.
fn correlate(call: &Call<'_>) -> Result<Tensor> {
    let (a, b) = call.pair()?;
    let dtype = match ops::result_type(&[a.dtype(), b.dtype()])? {
        DType::Int64 => DType::Float64,
        dtype @ (DType::Bfloat16 | DType::Float16 | DType::Float64) => dtype,
        _ => DType::Float32,
    };
    let (a, b) = (ops::cast(&a, dtype)?, ops::cast(&b, dtype)?);
    let (n, m) = (a.spec().known_axis(0)?, b.spec().known_axis(0)?);
    let mode = call.or("mode", "valid".to_owned())?;
    let around = if mode == "valid" { 0 } else { m.saturating_sub(1) };
    let a = ops::pad(&a, &[(around, around)], PadMode::Constant, 0.0)?;
    let (signal, kernel) = (ops::reshape(&a, [1, n + 2 * around, 1])?, ops::reshape(&b, [m, 1, 1])?);
    let all = ops::ravel(&ops::conv(&signal, &kernel, &[1], Padding::Valid, &[1])?)?;
    if mode != "same" {
        return Ok(all);
    }
    let kept = n.max(m);
    let start = ((n + m - 1 - kept) / 2) as i64;
    ops::slice_axis(&all, 0, Range::new(start, start + kept as i64))
}

/// Terms of the series of `i0`: enough for numbers up to [`FAR`].
const TERMS: u32 = 48;
/// Terms of its expansion for larger ones.
const FAR_TERMS: u32 = 10;
/// Where the one ends and the other begins.
const FAR: f64 = 15.0;

/// The modified Bessel function of order zero: `Σ (x²/4)ᵏ / k!²`, far out `eˣ/√(2πx) · Σ ((2k-1)!!)² / (k! (8x)ᵏ)`.
fn bessel_i0(x: &Tensor) -> Result<Tensor> {
    let size = ops::absolute(x)?;
    let far = ops::scalar(&size, FAR)?;
    let quarter = ops::times(&ops::square(&ops::minimum(&size, &far)?)?, 0.25)?;
    let mut near = ops::ones_like(&size)?;
    for k in (1..=TERMS).rev() {
        near = ops::plus(&ops::times(&ops::multiply(&near, &quarter)?, 1.0 / f64::from(k * k))?, 1.0)?;
    }
    let eighth = ops::times(&ops::reciprocal(&ops::maximum(&size, &far)?)?, 0.125)?;
    let mut beyond = ops::ones_like(&size)?;
    for k in (1..=FAR_TERMS).rev() {
        let odd = f64::from(2 * k - 1);
        beyond = ops::plus(&ops::times(&ops::multiply(&beyond, &eighth)?, odd * odd / f64::from(k))?, 1.0)?;
    }
    // The exponential is taken twice, so that it does not overflow before the function itself does.
    let half = ops::exp(&ops::times(&size, 0.5)?)?;
    let root = ops::sqrt(&ops::times(&size, 2.0 * std::f64::consts::PI)?)?;
    let beyond = ops::multiply(&ops::multiply(&ops::divide(&half, &root)?, &beyond)?, &half)?;
    ops::select(&ops::less(&size, &far)?, &near, &beyond)
}

/// A signal from the Fourier transforms of its frames: they are turned back, weighted and added where they overlap.
fn istft(call: &Call<'_>) -> Result<Tensor> {
    let (frame, stride, fft): (usize, usize, usize) =
        (call.require("sequence_length")?, call.require("sequence_stride")?, call.require("fft_length")?);
    if stride == 0 || frame > fft {
        return Err(Error::mismatch(format!("frames of {frame} every {stride} in transforms of {fft}")));
    }
    let frames = ops::irfft(&complex(call)?, Some(fft))?;
    let before = (fft - frame) / 2;
    let window = match call.config.get("window") {
        Some(Tree::Null) => None,
        Some(Tree::Text(name)) if name == "hamming" => Some(ops::hamming_window(frame)),
        None | Some(Tree::Text(_)) => Some(ops::hann_window(frame)),
        Some(tree) => Some(crate::config::array(tree)?.to_f64s()?),
    };
    let frames = match window {
        None => frames,
        Some(window) if window.len() != frame => {
            return Err(Error::mismatch(format!("a window of {} for frames of {frame}", window.len())));
        }
        Some(window) => {
            let mut weights = vec![0.0; fft];
            weights.iter_mut().skip(before).zip(&window).for_each(|(to, from)| *to = *from);
            // What the squares of the shifted windows add up to at each place.
            let mut sums = vec![0.0; stride];
            for (at, weight) in weights.iter().enumerate() {
                sums[at % stride] += weight * weight;
            }
            let scaled = weights.iter().enumerate().map(|(at, weight)| weight / sums[at % stride]).collect();
            let scaled = Array::vector::<f64>(scaled).cast(frames.dtype())?;
            ops::multiply(&frames, &call.builder.constant(scaled))?
        }
    };
    let count = frames.spec().known_axis(-2)?;
    let length = fft + stride * count.saturating_sub(1);
    let places = (0..count).flat_map(|frame| (0..fft).map(move |at| (frame * stride + at) as i32)).collect();
    let places = call.builder.constant(Array::vector::<i32>(places));
    let lead = frames.rank() - 2;
    let sizes = (0..lead).map(|axis| frames.size(axis)).chain([ops::Size::from(count * fft)]);
    let flat = ops::reshape(&frames, sizes.collect::<Vec<_>>())?;
    let whole = ops::index_add(&flat, &places, length, lead)?;
    let is_centered = call.or("center", true)?;
    let start = if is_centered { fft / 2 } else { 0 };
    let end = match call.get::<usize>("length")? {
        Some(asked) => start + asked,
        None if is_centered => length.saturating_sub(fft / 2),
        None => length,
    };
    ops::slice_axis(&whole, -1, Range::new(start as i64, end as i64))
}
