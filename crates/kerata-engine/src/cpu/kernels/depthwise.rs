//! Depthwise convolution: each channel with a filter of its own, vectorised over channels.

use super::isa::{Isa, Level};
use super::memory::{Lines, Shared};
use super::patches::Window;
use super::product::Finish;
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};
use crate::cpu::workers::Workers;

/// Channels are padded to a multiple of this, so that weights are read in whole vectors.
const PAD: usize = 16;
/// Outputs of a line computed together.
const TOGETHER: usize = 4;
/// Multiply-adds worth a task of their own.
const TASK: usize = 40_000;

/// Filters of a depthwise convolution, `[tap][padded channel]`, and the padded bias.
pub struct Filters {
    channels: usize,
    padded: usize,
    weights: Lines,
    bias: Lines,
}

impl Filters {
    /// Packs `weights`, `[tap][channel]`.
    pub fn new(channels: usize, weights: &[f32], scale: Option<&[f32]>, bias: Option<&[f32]>) -> Filters {
        let padded = channels.next_multiple_of(PAD);
        let taps = weights.len().checked_div(channels).unwrap_or(0);
        let mut lines = Lines::zeros(taps * padded);
        for (to, from) in lines.chunks_exact_mut(padded).zip(weights.chunks_exact(channels)) {
            to[..channels].copy_from_slice(from);
            if let Some(scale) = scale {
                to.iter_mut().zip(&scale[..channels]).for_each(|(weight, scale)| *weight *= scale);
            }
        }
        let mut padded_bias = Lines::zeros(padded);
        if let Some(bias) = bias {
            padded_bias[..channels].copy_from_slice(&bias[..channels]);
        }
        Filters { channels, padded, weights: lines, bias: padded_bias }
    }
}

/// One line of outputs along the last spatial axis.
struct Line {
    /// Input lines inside the image: pointer to the first element of the line, and the index of their first tap.
    inputs: Vec<(*const f32, usize)>,
    out: *mut f32,
    /// The outputs of the line that are computed.
    from: usize,
    to: usize,
    low: f32,
    high: f32,
}

/// `out = finish(x convolved with filters)`, one filter for each channel.
pub fn depthwise(
    isa: Isa,
    workers: &Workers,
    x: &[f32],
    window: &Window,
    filters: &Filters,
    out: &mut [f32],
    finish: Finish,
) {
    let [depth, height, width] = window.input;
    let [out_depth, out_height, out_width] = window.output;
    let channels = filters.channels;
    assert_eq!(x.len(), window.batch * depth * height * width * channels);
    assert_eq!(out.len(), window.rows() * channels);
    assert_eq!(filters.weights.len(), window.taps() * filters.padded);
    if out.is_empty() {
        return;
    }
    let lines = window.batch * out_depth * out_height;
    let shared = Shared::new(out);
    let part = |index: usize, from: usize, to: usize| {
        let at = [index / out_height % out_depth, index % out_height];
        let sample = index / (out_height * out_depth) * depth * height * width * channels;
        let mut inputs = Vec::with_capacity(window.kernel[0] * window.kernel[1]);
        for i in 0..window.kernel[0] {
            let Some(z) = window.position(0, at[0], i) else { continue };
            for j in 0..window.kernel[1] {
                let Some(y) = window.position(1, at[1], j) else { continue };
                let start = sample + (z * height + y) * width * channels;
                let tap = (i * window.kernel[1] + j) * window.kernel[2];
                inputs.push((x[start..start + width * channels].as_ptr(), tap));
            }
        }
        let row = index * out_width;
        // SAFETY: parts of lines do not overlap and each is one call.
        let out = unsafe { shared.part((row + from) * channels, (to - from) * channels) };
        let (low, high) = finish.clamp;
        let args = Line { inputs, out: out.as_mut_ptr(), from, to, low, high };
        // SAFETY: `isa` says which instructions are there; input lines have `width * channels` floats, the part of the
        // output line `(to - from) * channels`, as the slices above were checked to have.
        unsafe {
            match isa.level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => line_avx512(window, filters, &args),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => line_avx2(window, filters, &args),
                Level::Portable => line_of::<Lanes>(window, filters, &args),
            }
        }
        if let Some(finish) = finish.rows {
            finish(row + from, out);
        }
    };
    let per_line = (out_width * channels * window.taps()).max(1);
    let threads = workers.threads();
    // Few lines do not share out evenly: they are cut.
    let cuts = if threads > 1 && lines < 8 * threads { (per_line / TASK).clamp(1, 2) } else { 1 };
    let each = out_width.div_ceil(cuts).next_multiple_of(TOGETHER);
    let cuts = out_width.div_ceil(each);
    let pieces = lines * cuts;
    let group = (TASK * cuts / per_line).clamp(1, pieces);
    workers.each(pieces.div_ceil(group), &|task| {
        for piece in task * group..(task * group + group).min(pieces) {
            let from = piece % cuts * each;
            part(piece / cuts, from, (from + each).min(out_width));
        }
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn line_avx512(window: &Window, filters: &Filters, line: &Line) {
    // SAFETY: as promised by the caller.
    unsafe { line_of::<Zmm>(window, filters, line) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn line_avx2(window: &Window, filters: &Filters, line: &Line) {
    // SAFETY: as promised by the caller.
    unsafe { line_of::<Ymm>(window, filters, line) }
}

#[inline(always)]
unsafe fn line_of<V: Vector>(window: &Window, filters: &Filters, line: &Line) {
    let (taps, stride, dilation) = (window.kernel[2], window.strides[2], window.dilation[2]);
    let (padding, width, count) = (window.padding[2], window.input[2], window.output[2]);
    // Outputs whose windows lie inside.
    let first = padding.div_ceil(stride).min(count);
    let reach = (taps - 1) * dilation;
    let last =
        if width + padding > reach { ((width + padding - reach - 1) / stride + 1).min(count) } else { 0 };
    let last = last.max(first);
    let (first, last) = (first.clamp(line.from, line.to), last.clamp(line.from, line.to));
    // SAFETY: the ranges of taps keep every read inside the input line; see `piece`.
    unsafe {
        for at in line.from..first {
            border::<V>(window, filters, line, at);
        }
        let mut at = first;
        while at < last {
            let left = last - at;
            let dense = stride == 1 && dilation == 1;
            if left >= TOGETHER {
                match taps {
                    3 if dense => dense_piece::<V, 3, TOGETHER>(window, filters, line, at),
                    5 if dense => dense_piece::<V, 5, TOGETHER>(window, filters, line, at),
                    _ => piece::<V, TOGETHER>(window, filters, line, at, 0, taps),
                }
                at += TOGETHER;
            } else {
                piece::<V, 1>(window, filters, line, at, 0, taps);
                at += 1;
            }
        }
        for at in last..line.to {
            border::<V>(window, filters, line, at);
        }
    }
}

/// One output whose window reaches over an end of the line. A function and not a closure: closures are compiled
/// without the instruction set of the caller.
#[inline(always)]
unsafe fn border<V: Vector>(window: &Window, filters: &Filters, line: &Line, at: usize) {
    let (stride, dilation, padding) = (window.strides[2], window.dilation[2], window.padding[2]);
    let is_inside = |tap: usize| (at * stride + tap * dilation).wrapping_sub(padding) < window.input[2];
    let (mut from, mut to) = (0, window.kernel[2]);
    while from < to && !is_inside(from) {
        from += 1;
    }
    while to > from && !is_inside(to - 1) {
        to -= 1;
    }
    // SAFETY: taps `from..to` lie inside the line.
    unsafe { piece::<V, 1>(window, filters, line, at, from, to) }
}

/// Outputs `at..at + N` from taps `from..to` of each input line.
#[inline(always)]
unsafe fn piece<V: Vector, const N: usize>(
    window: &Window,
    filters: &Filters,
    line: &Line,
    at: usize,
    from: usize,
    to: usize,
) {
    let channels = filters.channels;
    let step = window.strides[2] * channels;
    let first = at * window.strides[2];
    // SAFETY: position `first + tap * dilation - padding` is inside the line for every tap used; channel tails are
    // read and written in part, weights and bias are padded.
    unsafe {
        let (low, high) = (V::splat(line.low), V::splat(line.high));
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            let mut sums = [V::load(filters.bias.as_ptr().add(c)); N];
            for &(input, tap_line) in &line.inputs {
                for tap in from..to {
                    let weight = V::load(filters.weights.as_ptr().add((tap_line + tap) * filters.padded + c));
                    let position = first + tap * window.dilation[2] - window.padding[2];
                    let x = input.add(position * channels + c);
                    for (n, sum) in sums.iter_mut().enumerate() {
                        let x = x.add(n * step);
                        let x = if left >= V::LANES { V::load(x) } else { V::load_part(x, left) };
                        *sum = x.fma(weight, *sum);
                    }
                }
            }
            store(line, at, channels, c, sums, low, high);
            c += V::LANES;
        }
    }
}

/// As [`piece`] with all `TAPS` taps, stride and dilation one: each input is read once for all taps that use it.
#[inline(always)]
unsafe fn dense_piece<V: Vector, const TAPS: usize, const N: usize>(
    window: &Window,
    filters: &Filters,
    line: &Line,
    at: usize,
) {
    let channels = filters.channels;
    let first = at - window.padding[2];
    // SAFETY: outputs `at..at + N` have their windows inside the line; as in `piece` otherwise.
    unsafe {
        let (low, high) = (V::splat(line.low), V::splat(line.high));
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            let mut sums = [V::load(filters.bias.as_ptr().add(c)); N];
            for &(input, tap_line) in &line.inputs {
                let mut weights = [V::splat(0.0); TAPS];
                for (tap, weight) in weights.iter_mut().enumerate() {
                    *weight = V::load(filters.weights.as_ptr().add((tap_line + tap) * filters.padded + c));
                }
                let x = input.add(first * channels + c);
                for i in 0..N + TAPS - 1 {
                    let x = x.add(i * channels);
                    let x = if left >= V::LANES { V::load(x) } else { V::load_part(x, left) };
                    for tap in 0..TAPS {
                        if i >= tap && i - tap < N {
                            sums[i - tap] = x.fma(weights[tap], sums[i - tap]);
                        }
                    }
                }
            }
            store(line, at, channels, c, sums, low, high);
            c += V::LANES;
        }
    }
}

#[inline(always)]
unsafe fn store<V: Vector, const N: usize>(
    line: &Line,
    at: usize,
    channels: usize,
    c: usize,
    sums: [V; N],
    low: V,
    high: V,
) {
    for (n, sum) in sums.into_iter().enumerate() {
        // SAFETY: output `at + n` of the part of the line and channels from `c` exist; a tail is written in part.
        unsafe {
            let to = line.out.add((at + n - line.from) * channels + c);
            let sum = sum.clamp(low, high);
            let left = channels - c;
            if left >= V::LANES { sum.store(to) } else { sum.store_part(to, left) }
        }
    }
}
