//! Reductions of rows and of columns; the order of additions follows from the length alone.

use super::elementwise::{maximum, minimum};
use super::isa::{Isa, by_isa};
use super::memory::Shared;
use crate::cpu::workers::Workers;

/// What a reduction computes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Reduce {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
}

impl Reduce {
    /// The value of an empty reduction, before a mean divides.
    pub fn identity(self) -> f32 {
        match self {
            Reduce::Sum | Reduce::Mean => 0.0,
            Reduce::Prod => 1.0,
            Reduce::Max => f32::NEG_INFINITY,
            Reduce::Min => f32::INFINITY,
        }
    }
}

const LANES: usize = 16;
/// Elements summed in one precision before the partial sum joins the others in double precision.
const CHUNK: usize = 4096;
/// Elements below which one thread folds all columns.
const ALONE: usize = 8 * 1024;

#[inline(always)]
fn fold(x: &[f32], identity: f32, f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut lanes = [[identity; LANES]; 4];
    let mut blocks = x.chunks_exact(LANES * 4);
    for block in &mut blocks {
        for (lane, values) in lanes.iter_mut().zip(block.chunks_exact(LANES)) {
            for i in 0..LANES {
                lane[i] = f(lane[i], values[i]);
            }
        }
    }
    let rest = blocks.remainder();
    let mut vectors = rest.chunks_exact(LANES);
    for (lane, values) in lanes.iter_mut().zip(&mut vectors) {
        for i in 0..LANES {
            lane[i] = f(lane[i], values[i]);
        }
    }
    if let Some(lane) = lanes.get_mut(rest.len() / LANES) {
        lane.iter_mut().zip(vectors.remainder()).for_each(|(lane, &value)| *lane = f(*lane, value));
    }
    let mut folded = [identity; LANES];
    for i in 0..LANES {
        folded[i] = f(f(lanes[0][i], lanes[1][i]), f(lanes[2][i], lanes[3][i]));
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            folded[i] = f(folded[i], folded[i + width]);
        }
        width /= 2;
    }
    folded[0]
}

#[inline(always)]
fn sum(x: &[f32]) -> f64 {
    let mut total = 0.0;
    for chunk in x.chunks(CHUNK) {
        total += f64::from(fold(chunk, 0.0, |a, b| a + b));
    }
    total
}

by_isa! {
    /// Reduces each row of `width` elements to one.
    pub fn rows(function: Reduce, x: &[f32], width: usize, y: &mut [f32]) {
        for (i, y) in y.iter_mut().enumerate() {
            let row = &x[i * width..(i + 1) * width];
            *y = match function {
                Reduce::Sum => sum(row) as f32,
                Reduce::Mean => (sum(row) / width as f64) as f32,
                Reduce::Max => fold(row, f32::NEG_INFINITY, maximum),
                Reduce::Min => fold(row, f32::INFINITY, minimum),
                Reduce::Prod => fold(row, 1.0, |a, b| a * b),
            };
        }
    }
}

#[inline(always)]
fn fold_into(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for row in x.chunks_exact(y.len()) {
        for (y, &x) in y.iter_mut().zip(row) {
            *y = f(*y, x);
        }
    }
}

by_isa! {
    /// Folds rows as long as `y` into `y`; a mean is only summed.
    pub fn columns(function: Reduce, x: &[f32], y: &mut [f32]) {
        match function {
            Reduce::Sum | Reduce::Mean => fold_into(x, y, |a, b| a + b),
            Reduce::Max => fold_into(x, y, maximum),
            Reduce::Min => fold_into(x, y, minimum),
            Reduce::Prod => fold_into(x, y, |a, b| a * b),
        }
    }
}

/// Folds the middle axis of `outer x count x width`, each `most` of its rows into one line of `out`.
pub fn parts(
    isa: Isa,
    workers: &Workers,
    function: Reduce,
    x: &[f32],
    [outer, count, width]: [usize; 3],
    most: usize,
    out: &mut [f32],
) {
    let parts = count.div_ceil(most).max(1);
    let shared = Shared::new(out);
    let fold = |task: usize| {
        let (block, index) = (task / parts, task % parts);
        let (from, to) = (index * most, (index * most + most).min(count));
        // SAFETY: tasks have different lines.
        let out = unsafe { shared.part(task * width, width) };
        out.fill(function.identity());
        columns(isa, function, &x[(block * count + from) * width..(block * count + to) * width], out);
    };
    let tasks = outer * parts;
    if x.len() < ALONE { (0..tasks).for_each(fold) } else { workers.each(tasks, &fold) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_close_to_double_precision_and_equal_on_every_path() {
        for n in [0, 1, 15, 64, 100, 5000, 100_003] {
            let x: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32) * 0.37 - 12.0).collect();
            let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
            for isa in Isa::available() {
                let mut y = [0.0];
                rows(isa, Reduce::Sum, &x, n, &mut y);
                assert!(
                    (f64::from(y[0]) - exact).abs() <= 1e-6 * x.iter().map(|x| x.abs() as f64).sum::<f64>()
                );
                let mut first = [0.0];
                rows(Isa::available()[0], Reduce::Sum, &x, n, &mut first);
                assert_eq!(first, y);
            }
        }
    }

    #[test]
    fn extremes_keep_nan() {
        let mut y = [0.0];
        rows(Isa::best(), Reduce::Max, &[1.0, f32::NAN, 2.0], 3, &mut y);
        assert!(y[0].is_nan());
        rows(Isa::best(), Reduce::Min, &[1.0, -3.0, 2.0], 3, &mut y);
        assert_eq!(y, [-3.0]);
    }
}
