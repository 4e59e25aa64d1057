//! The ways back of convolutions and pooling: to the input, and to the filters.

use super::isa::{Isa, by_isa};
use super::memory::{Lines, each_chunk};
use super::moves::{View, read};
use super::pack::{Panels, Strided};
use super::patches::{Rows, Window};
use super::product::{Finish, Place, product};
use crate::cpu::workers::Workers;

/// Output positions whose patches are taken together.
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

/// The input that gives `grad`, through filters packed as `[filters, tap * channels]`.
pub fn to_input(
    isa: Isa,
    workers: &Workers,
    grad: &[f32],
    window: &Window,
    filters: &Panels,
    out: &mut [f32],
) {
    let rows: usize = window.output.iter().product();
    let image = window.input.iter().product::<usize>() * window.channels;
    let (depth, columns, channels) = (filters.depth(), filters.columns(), window.channels);
    let alone = Workers::single();
    let is_split = window.batch >= workers.threads();
    let (outer, inner) = if is_split { (workers, &alone) } else { (&alone, workers) };
    each_chunk(outer, out, image, &|sample, out| {
        out.fill(0.0);
        let mut spread = Lines::zeros(rows * columns);
        let left = Rows::Matrix { data: grad, start: sample * rows * depth, stride: depth, depth };
        product(
            inner,
            &left,
            rows,
            filters,
            &mut spread,
            Place { start: 0, stride: columns },
            Finish::default(),
        );
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
    let zeros = Lines::zeros(window.depth);
    let patches = Rows::Patches { data: x, window, channel: 0, zeros: &zeros };
    let mut panels = Panels::new(isa);
    let (mut copied, mut turned, mut partial) = (Lines::default(), Lines::default(), Lines::zeros(out.len()));
    out.fill(0.0);
    for from in (0..window.rows()).step_by(CHUNK) {
        let count = CHUNK.min(window.rows() - from);
        patches.copy(from, from + count, &mut copied);
        turned.resize(copied.len());
        read(workers, &copied, &View::of(&[count, depth]).transposed(&[1, 0]), &mut turned);
        let matrix = Strided { data: grad, start: from * filters, row: filters, column: 1 };
        panels.pack(count, filters, matrix);
        let left = Rows::Matrix { data: &turned, start: 0, stride: count, depth: count };
        let place = Place { start: 0, stride: filters };
        product(workers, &left, depth, &panels, &mut partial, place, Finish::default());
        add_scaled(isa, 1.0, &partial, out);
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
        let mut best = vec![usize::MAX; rows * channels];
        each_tap(window, sample, |row, _, position| {
            for (channel, best) in best[(row - first) * channels..][..channels].iter_mut().enumerate() {
                let at = position * channels + channel;
                if *best == usize::MAX || x[at] > x[*best] {
                    *best = at;
                }
            }
        });
        for (&at, &grad) in best.iter().zip(&grad[first * channels..]) {
            if at != usize::MAX {
                out[at - sample * image] += grad;
            }
        }
    });
}
