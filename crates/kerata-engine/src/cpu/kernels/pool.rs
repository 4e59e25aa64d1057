//! Pooling: the largest or the mean element of windows, over channels.

use super::elementwise::maximum;
use super::isa::by_isa;
use super::memory::each_chunk;
use super::patches::Window;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::workers::Workers;

/// `out` = the mean (`is_mean`) or the largest element of each window; the mean counts only what lies inside.
pub fn pool(isa: Isa, workers: &Workers, x: &[f32], window: &Window, is_mean: bool, out: &mut [f32]) {
    let line = window.output[2] * window.channels;
    if line == 0 {
        return;
    }
    let lines = out.len() / line;
    let is_shared = out.len() * window.taps() > ALONE;
    let group = if is_shared { (lines / (8 * workers.threads())).max(1) } else { lines };
    each_chunk(workers, out, group * line, &|task, out| {
        for (index, out) in out.chunks_exact_mut(line).enumerate() {
            pool_line(isa, x, window, is_mean, task * group + index, out);
        }
    });
}

/// Elements of windows below which one thread takes all.
const ALONE: usize = 8 * 1024;

/// Channels that are taken together, in registers.
const LANES: usize = 16;

by_isa! {
    /// The windows of one line of outputs.
    fn pool_line(x: &[f32], window: &Window, is_mean: bool, index: usize, out: &mut [f32]) {
        let channels = window.channels;
        let [depth, height, width] = window.input;
        let (n, at) = window.coordinates(index * window.output[2]);
        // Where the elements of a window lie that are inside.
        let mut starts = Vec::with_capacity(window.taps());
        for (w, out) in out.chunks_exact_mut(channels).enumerate() {
            starts.clear();
            for i in 0..window.kernel[0] {
                let Some(z) = window.position(0, at[0], i) else { continue };
                for j in 0..window.kernel[1] {
                    let Some(y) = window.position(1, at[1], j) else { continue };
                    let line = ((n * depth + z) * height + y) * width;
                    for l in 0..window.kernel[2] {
                        let Some(p) = window.position(2, w, l) else { continue };
                        starts.push((line + p) * channels);
                    }
                }
            }
            if is_mean {
                let factor = 1.0 / starts.len() as f32;
                fold(x, &starts, 0.0, |a, b| a + b, |sum| sum * factor, out);
            } else {
                fold(x, &starts, f32::NEG_INFINITY, maximum, |largest| largest, out);
            }
        }
    }
}

/// Each channel of `out` from those of all elements, in their order.
#[inline(always)]
fn fold(
    x: &[f32],
    starts: &[usize],
    identity: f32,
    f: impl Fn(f32, f32) -> f32,
    end: impl Fn(f32) -> f32,
    out: &mut [f32],
) {
    let whole = out.len() / LANES * LANES;
    let (blocks, rest) = out.split_at_mut(whole);
    for (block, out) in blocks.chunks_exact_mut(LANES).enumerate() {
        let mut lanes = [identity; LANES];
        for &start in starts {
            let from = &x[start + block * LANES..][..LANES];
            for (lane, &x) in lanes.iter_mut().zip(from) {
                *lane = f(*lane, x);
            }
        }
        for (out, lane) in out.iter_mut().zip(lanes) {
            *out = end(lane);
        }
    }
    for (channel, out) in rest.iter_mut().enumerate() {
        let all = starts.iter().map(|start| x[start + whole + channel]);
        *out = end(all.fold(identity, &f));
    }
}
