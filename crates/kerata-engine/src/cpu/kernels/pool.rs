//! Pooling: the largest or the mean element of windows, over channels.

use super::elementwise::maximum;
use super::isa::by_isa;
use super::memory::each_chunk;
use super::patches::Window;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::workers::Workers;

by_isa! {
    fn largest(x: &[f32], y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = maximum(*y, x);
        }
    }
}

by_isa! {
    fn add(x: &[f32], y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}

by_isa! {
    fn scale(factor: f32, y: &mut [f32]) {
        for y in y.iter_mut() {
            *y *= factor;
        }
    }
}

/// `out` = the mean (`is_mean`) or the largest element of each window; the mean counts only what lies inside.
pub fn pool(isa: Isa, workers: &Workers, x: &[f32], window: &Window, is_mean: bool, out: &mut [f32]) {
    let channels = window.channels;
    let [depth, height, width] = window.input;
    let line = window.output[2] * channels;
    if line == 0 {
        return;
    }
    each_chunk(workers, out, line, &|index, out| {
        let (n, at) = window.coordinates(index * window.output[2]);
        for (w, out) in out.chunks_exact_mut(channels).enumerate() {
            out.fill(if is_mean { 0.0 } else { f32::NEG_INFINITY });
            let mut count = 0;
            for i in 0..window.kernel[0] {
                let Some(z) = window.position(0, at[0], i) else { continue };
                for j in 0..window.kernel[1] {
                    let Some(y) = window.position(1, at[1], j) else { continue };
                    for l in 0..window.kernel[2] {
                        let Some(p) = window.position(2, w, l) else { continue };
                        let start = (((n * depth + z) * height + y) * width + p) * channels;
                        let from = &x[start..start + channels];
                        if is_mean {
                            add(isa, from, out)
                        } else {
                            largest(isa, from, out)
                        }
                        count += 1;
                    }
                }
            }
            if is_mean {
                scale(isa, 1.0 / count as f32, out);
            }
        }
    });
}
