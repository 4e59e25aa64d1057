//! `stft` and its inverse: Fourier transforms of frames, as Keras defines them.

use crate::array::Array;
use crate::graph::Tensor;
use crate::ops::{self, PadMode};
use crate::{Error, Result};

/// Frames of a length along the last axis, so many elements apart: `(…, frames, length)`.
pub fn extract_sequences(x: &Tensor, length: usize, stride: usize) -> Result<Tensor> {
    let size = x.spec().known_axis(-1)?;
    if stride == 0 || length == 0 {
        return Err(Error::usage("frames need a length and a stride"));
    }
    let count = (size + stride).saturating_sub(length) / stride;
    let places =
        (0..count).flat_map(|frame| (0..length).map(move |at| (frame * stride + at) as i32)).collect();
    ops::take(x, &x.builder().constant(Array::from_vec([count, length], places)?), Some(-1))
}

/// The Fourier transforms (the first half) of frames of the last axis, each weighted with a window of `sequence_length`
/// elements (none: ones) in the middle of `fft_length`. `center` mirrors half a frame at both ends first.
pub fn stft(
    x: &Tensor,
    sequence_length: usize,
    sequence_stride: usize,
    fft_length: usize,
    window: Option<&[f64]>,
    center: bool,
) -> Result<Tensor> {
    let mut x = ops::to_float(x)?;
    if fft_length < sequence_length || window.is_some_and(|window| window.len() != sequence_length) {
        return Err(Error::usage(format!("frames of {sequence_length} in transforms of {fft_length}")));
    }
    if center {
        let mut widths = vec![(0, 0); x.rank()];
        widths[x.rank() - 1] = (fft_length / 2, fft_length / 2);
        x = ops::pad(&x, &widths, PadMode::Reflect, 0.0)?;
    }
    let frames = extract_sequences(&x, fft_length, sequence_stride)?;
    let before = (fft_length - sequence_length) / 2;
    let mut weights = vec![if window.is_some() { 0.0 } else { 1.0 }; fft_length];
    if let Some(window) = window {
        weights[before..before + sequence_length].copy_from_slice(window);
    }
    let weights = frames.builder().constant(Array::vector(weights).cast(frames.dtype())?);
    ops::rfft(&ops::multiply(&frames, &weights)?, None)
}

/// The periodic Hann window.
pub fn hann_window(length: usize) -> Vec<f64> {
    cosine_window(length, 0.5)
}

/// The periodic Hamming window.
pub fn hamming_window(length: usize) -> Vec<f64> {
    cosine_window(length, 0.54)
}

fn cosine_window(length: usize, middle: f64) -> Vec<f64> {
    if length == 1 {
        return vec![1.0];
    }
    let turn = |at: usize| 2.0 * std::f64::consts::PI * at as f64 / length as f64;
    (0..length).map(|at| middle - (1.0 - middle) * turn(at).cos()).collect()
}
