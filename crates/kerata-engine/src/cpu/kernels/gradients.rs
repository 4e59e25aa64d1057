//! The ways back of convolutions and pooling: to the input, and to the filters.

use super::isa::{Isa, by_isa};
use super::memory::{Lines, each_chunk};
use super::outer::{Lying, outer};
use super::pack::{Panels, Strided};
use super::patches::{Rows, Window};
use super::product::{Finish, Place, product};
use crate::cpu::workers::Workers;

/// Output positions, about, whose patches are taken together.
const CHUNK: usize = 512;

by_isa! {
    /// `sum += a * b`.
    fn multiply_add(a: &[f32], b: &[f32], sum: &mut [f32]) {
        for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(b, *sum);
        }
    }
}

by_isa! {
    /// `sum += factor * x`.
    fn add_scaled(factor: f32, x: &[f32], sum: &mut [f32]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum = x.mul_add(factor, *sum);
        }
    }
}

/// Calls `visit(output row, tap, input position)` for the taps of one sample's windows that lie inside, in order.
fn each_tap(window: &Window, sample: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let [depth, height, width] = window.input;
    let rows = window.output.iter().product::<usize>();
    for row in sample * rows..(sample + 1) * rows {
        let (n, at) = window.coordinates(row);
        let mut tap = 0;
        for i in 0..window.kernel[0] {
            for j in 0..window.kernel[1] {
                for l in 0..window.kernel[2] {
                    if let (Some(z), Some(y), Some(x)) = (
                        window.position(0, at[0], i),
                        window.position(1, at[1], j),
                        window.position(2, at[2], l),
                    ) {
                        visit(row, tap, ((n * depth + z) * height + y) * width + x);
                    }
                    tap += 1;
                }
            }
        }
    }
}

/// The input that gives `grad`, through filters `[tap][channel][filter]`.
pub fn to_input(
    isa: Isa,
    workers: &Workers,
    grad: &[f32],
    window: &Window,
    weights: &[f32],
    filters: usize,
    out: &mut [f32],
) {
    match turned(window, filters) {
        Some(turned) => to_input_by_patches(isa, workers, grad, &turned, weights, out),
        None => to_input_by_spreading(isa, workers, grad, window, weights, filters, out),
    }
}

/// The window of the convolution that leads back to the input, where steps of one make it one that wastes little.
fn turned(window: &Window, filters: usize) -> Option<Window> {
    let mut padding = [0; 3];
    for (axis, padding) in padding.iter_mut().enumerate() {
        let reach = window.kernel[axis].checked_sub(1)? * window.dilation[axis];
        *padding = reach.checked_sub(window.padding[axis])?;
    }
    let (from, to): (usize, usize) = (window.output.iter().product(), window.input.iter().product());
    let is_worth_it = window.strides == [1; 3] && to <= 2 * from;
    is_worth_it.then(|| Window {
        input: window.output,
        output: window.input,
        channels: filters,
        depth: filters,
        padding,
        ..window.clone()
    })
}

/// Steps of one: a convolution of the gradient with the filters turned round.
fn to_input_by_patches(
    isa: Isa,
    workers: &Workers,
    grad: &[f32],
    window: &Window,
    weights: &[f32],
    out: &mut [f32],
) {
    let (taps, filters) = (window.taps(), window.depth);
    let channels = weights.len() / (taps * filters).max(1);
    let mut turned = Lines::zeros(weights.len());
    for (tap, to) in turned.chunks_exact_mut((filters * channels).max(1)).enumerate() {
        let from = &weights[(taps - 1 - tap) * channels * filters..];
        for (filter, to) in to.chunks_exact_mut(channels).enumerate() {
            to.iter_mut().enumerate().for_each(|(channel, to)| *to = from[channel * filters + filter]);
        }
    }
    let mut panels = Panels::new(isa);
    let matrix = Strided { data: &turned, start: 0, row: channels, column: 1 };
    panels.pack(taps * filters, channels, matrix);
    let zeros = Lines::zeros(filters);
    let rows = Rows::Patches { data: grad, window, channel: 0, zeros: &zeros };
    let place = Place { start: 0, stride: channels };
    product(workers, &rows, window.rows(), &panels, out, place, Finish::default());
}

/// Any steps: each gradient times all filters, spread over what its window saw.
fn to_input_by_spreading(
    isa: Isa,
    workers: &Workers,
    grad: &[f32],
    window: &Window,
    weights: &[f32],
    filters: usize,
    out: &mut [f32],
) {
    let mut panels = Panels::new(isa);
    let matrix = Strided { data: weights, start: 0, row: 1, column: filters };
    panels.pack(filters, window.taps() * window.channels, matrix);
    let rows: usize = window.output.iter().product();
    let image = window.input.iter().product::<usize>() * window.channels;
    let (depth, columns, channels) = (panels.depth(), panels.columns(), window.channels);
    let alone = Workers::single();
    let is_split = window.batch >= workers.threads();
    let (outer, inner) = if is_split { (workers, &alone) } else { (&alone, workers) };
    each_chunk(outer, out, image, &|sample, out| {
        out.fill(0.0);
        let mut spread = Lines::zeros(rows * columns);
        let left = Rows::Matrix { data: grad, start: sample * rows * depth, stride: depth, depth };
        let place = Place { start: 0, stride: columns };
        product(inner, &left, rows, &panels, &mut spread, place, Finish::default());
        each_tap(window, sample, |row, tap, position| {
            let from = (row - sample * rows) * columns + tap * channels;
            let to = position * channels - sample * image;
            add_scaled(isa, 1.0, &spread[from..from + channels], &mut out[to..to + channels]);
        });
    });
}

/// As [`to_input`] for a depthwise convolution; `weights` are `[tap][channel]`.
pub fn to_input_depthwise(
    isa: Isa,
    workers: &Workers,
    grad: &[f32],
    window: &Window,
    weights: &[f32],
    out: &mut [f32],
) {
    let channels = window.channels;
    let image = window.input.iter().product::<usize>() * channels;
    each_chunk(workers, out, image, &|sample, out| {
        out.fill(0.0);
        each_tap(window, sample, |row, tap, position| {
            let (grad, weights) =
                (&grad[row * channels..][..channels], &weights[tap * channels..][..channels]);
            let to = position * channels - sample * image;
            multiply_add(isa, grad, weights, &mut out[to..to + channels]);
        });
    });
}

/// The gradient of filters `[tap * channels, filters]` from the input and the gradient of the output.
pub fn to_filters(isa: Isa, workers: &Workers, x: &[f32], grad: &[f32], window: &Window, out: &mut [f32]) {
    let depth = window.taps() * window.depth;
    let filters = out.len().checked_div(depth).unwrap_or(0);
    let right = |start: usize| Lying { data: grad, start, stride: filters, width: filters };
    if window.is_pointwise() {
        let left = Lying { data: x, start: 0, stride: window.channels, width: depth };
        return outer(isa, workers, left, right(0), window.rows(), out, false);
    }
    let width = window.output[2];
    let lines = window.rows().checked_div(width).unwrap_or(0);
    let together = (CHUNK / width.max(1)).max(1);
    let mut copied = Lines::default();
    if lines == 0 {
        out.fill(0.0);
    }
    for from in (0..lines).step_by(together) {
        let to = (from + together).min(lines);
        let count = (to - from) * width;
        copied.resize(count * depth);
        for (line, out) in (from..to).zip(copied.chunks_exact_mut((width * depth).max(1))) {
            copy_line(x, window, line, out);
        }
        let left = Lying { data: &copied, start: 0, stride: depth, width: depth };
        outer(isa, workers, left, right(from * width * filters), count, out, from > 0);
    }
}

/// Copies the patches of a line of output positions, one after the other.
fn copy_line(x: &[f32], window: &Window, line: usize, out: &mut [f32]) {
    let [depth, height, width] = window.input;
    let (n, at) = window.coordinates(line * window.output[2]);
    let (channels, patch) = (window.channels, window.taps() * window.channels);
    let run = window.kernel[2] * channels;
    // Positions whose windows lie inside in this axis, and in one piece.
    let (step, padding) = (window.strides[2], window.padding[2]);
    let mut inside = 0..0;
    if window.dilation[2] == 1 && width >= window.kernel[2] {
        let end = (width - window.kernel[2] + padding) / step + 1;
        inside = padding.div_ceil(step)..end.min(window.output[2]);
    }
    for i in 0..window.kernel[0] {
        for j in 0..window.kernel[1] {
            let to = (i * window.kernel[1] + j) * run;
            let (Some(z), Some(y)) = (window.position(0, at[0], i), window.position(1, at[1], j)) else {
                out.chunks_exact_mut(patch).for_each(|out| out[to..to + run].fill(0.0));
                continue;
            };
            let from = ((n * depth + z) * height + y) * width * channels;
            let from = &x[from..from + width * channels];
            for (at, out) in out.chunks_exact_mut(patch).enumerate() {
                let out = &mut out[to..to + run];
                if inside.contains(&at) {
                    let from = &from[(at * step - padding) * channels..][..run];
                    // A call for a few floats costs more than the floats.
                    match run < 8 {
                        true => out.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
                        false => out.copy_from_slice(from),
                    }
                    continue;
                }
                for (tap, out) in out.chunks_exact_mut(channels).enumerate() {
                    match window.position(2, at, tap) {
                        Some(x) => out.copy_from_slice(&from[x * channels..][..channels]),
                        None => out.fill(0.0),
                    }
                }
            }
        }
    }
}

/// As [`to_filters`] for a depthwise convolution: `out` is `[tap][channel]`.
pub fn to_filters_depthwise(isa: Isa, x: &[f32], grad: &[f32], window: &Window, out: &mut [f32]) {
    let channels = window.channels;
    out.fill(0.0);
    for sample in 0..window.batch {
        each_tap(window, sample, |row, tap, position| {
            let (x, grad) = (&x[position * channels..][..channels], &grad[row * channels..][..channels]);
            multiply_add(isa, x, grad, &mut out[tap * channels..][..channels]);
        });
    }
}

/// The gradient of a pooled input: equal shares of a mean, or all for the first largest element.
pub fn to_pooled(
    isa: Isa,
    workers: &Workers,
    x: &[f32],
    grad: &[f32],
    window: &Window,
    is_mean: bool,
    out: &mut [f32],
) {
    let channels = window.channels;
    let image = window.input.iter().product::<usize>() * channels;
    let rows = window.output.iter().product::<usize>();
    each_chunk(workers, out, image, &|sample, out| {
        out.fill(0.0);
        if rows == 0 {
            return;
        }
        let first = sample * rows;
        if is_mean {
            let mut counts = vec![0usize; rows];
            each_tap(window, sample, |row, _, _| counts[row - first] += 1);
            each_tap(window, sample, |row, _, position| {
                let to = position * channels - sample * image;
                let share = 1.0 / counts[row - first] as f32;
                add_scaled(isa, share, &grad[row * channels..][..channels], &mut out[to..to + channels]);
            });
            return;
        }
        let (mut best, mut which) = (vec![0.0; channels], vec![0; channels]);
        let mut places = Vec::with_capacity(window.taps());
        let mut open = first;
        let mut close = |row: usize, places: &[usize]| {
            let grad = &grad[row * channels..][..channels];
            to_largest(isa, x, places, sample * image, grad, &mut best, &mut which, out);
        };
        each_tap(window, sample, |row, _, position| {
            if row != open {
                close(open, &places);
                places.clear();
                open = row;
            }
            places.push(position * channels);
        });
        close(open, &places);
    });
}

by_isa! {
    /// Adds the gradient of each channel to the first largest of its window's places.
    fn to_largest(
        x: &[f32],
        places: &[usize],
        start: usize,
        grad: &[f32],
        best: &mut [f32],
        which: &mut [u32],
        out: &mut [f32],
    ) {
        let Some((&first, others)) = places.split_first() else { return };
        let channels = grad.len();
        best.copy_from_slice(&x[first..first + channels]);
        which.fill(0);
        for (tap, &place) in (1u32..).zip(others) {
            let x = &x[place..place + channels];
            for ((best, which), &x) in best.iter_mut().zip(which.iter_mut()).zip(x) {
                let is_larger = x > *best;
                *best = if is_larger { x } else { *best };
                *which = if is_larger { tap } else { *which };
            }
        }
        for (tap, &place) in (0u32..).zip(places) {
            let out = &mut out[place - start..][..channels];
            for ((out, &which), &grad) in out.iter_mut().zip(which.iter()).zip(grad) {
                *out += if which == tap { grad } else { 0.0 };
            }
        }
    }
}
