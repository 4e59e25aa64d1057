//! Sums of outer products: `out[i, j] = sum over k of left[k, i] * right[k, j]`, both sides read where they lie.
//!
//! Nothing is transposed: a tile broadcasts neighbouring floats of a left row and reads vectors of the right row, so the
//! product that gives the gradient of weights costs little beside its multiplications. Only of a wide right side are
//! columns copied together, because rows far apart push each other out of the cache.

use std::cell::RefCell;

use super::isa::{Isa, Level, tiles_by_isa};
use super::memory::{Lines, Shared};
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};
use crate::cpu::workers::Workers;

/// Rows that are summed together before the sum is added to the output: their right side stays in cache.
const CHUNK: usize = 512;
/// Multiply-adds worth a task of their own.
const TASK: usize = 200_000;

/// A matrix whose rows are `stride` floats apart; the first starts at `start`.
#[derive(Clone, Copy)]
pub struct Lying<'a> {
    /// The floats.
    pub data: &'a [f32],
    /// Index of the first element.
    pub start: usize,
    /// Step from one row to the next.
    pub stride: usize,
    /// Floats of a row.
    pub width: usize,
}

impl Lying<'_> {
    /// The address of the first element, after a check that `count` rows are there.
    fn checked(&self, count: usize) -> *const f32 {
        let end = self.start + count.saturating_sub(1) * self.stride + self.width;
        assert!(count == 0 || end <= self.data.len());
        // SAFETY: `start` is inside by the check, or nothing is read.
        unsafe { self.data.as_ptr().add(self.start.min(self.data.len())) }
    }
}

struct TileArgs {
    left: *const f32,
    left_stride: usize,
    right: *const f32,
    right_stride: usize,
    count: usize,
    out: *mut f32,
    out_stride: usize,
    columns: usize,
    /// Whether sums go on from what the output holds; else it is overwritten.
    accumulate: bool,
}

/// Writes the sum over `count` rows to `out`, `[left.width, right.width]`; with `accumulate` adds it to what `out` holds.
///
/// Each element is one chain of fused multiply-adds over rows in rising order, cut after every few hundred; neither the
/// instruction set nor the number of threads changes a bit of it.
pub fn outer(
    isa: Isa,
    workers: &Workers,
    left: Lying,
    right: Lying,
    count: usize,
    out: &mut [f32],
    accumulate: bool,
) {
    let (height, width) = (left.width, right.width);
    assert_eq!(out.len(), height * width);
    if out.is_empty() || count == 0 {
        if !accumulate {
            out.fill(0.0);
        }
        return;
    }
    let (a, b) = (Address(left.checked(count)), Address(right.checked(count)));
    let shared = Shared::new(out);
    let (rows, vectors, lanes) = shape(isa);
    let blocks = height.div_ceil(rows);
    let side = vectors * lanes;
    // All rows of some columns.
    let strip = |index: usize, some: std::ops::Range<usize>| {
        let column = index * side;
        let columns = (width - column).min(side);
        let mut together = TOGETHER.take();
        for chunk in (0..count).step_by(CHUNK) {
            let count = CHUNK.min(count - chunk);
            // SAFETY: inside the right side, as checked above.
            let mut from_right = (unsafe { b.get().add(chunk * right.stride + column) }, right.stride);
            if width > side {
                together.resize(count * columns);
                for (row, to) in together.chunks_exact_mut(columns).enumerate() {
                    let start = right.start + (chunk + row) * right.stride + column;
                    to.copy_from_slice(&right.data[start..start + columns]);
                }
                from_right = (together.as_ptr(), columns);
            }
            for block in some.clone() {
                let (from, to) = (height * block / blocks, height * (block + 1) / blocks);
                let args = TileArgs {
                    // SAFETY: inside the left side, as checked above.
                    left: unsafe { a.get().add(chunk * left.stride + from) },
                    left_stride: left.stride,
                    right: from_right.0,
                    right_stride: from_right.1,
                    count,
                    // SAFETY: row `from` of the output, whose rows are `width` long.
                    out: unsafe { shared.start().add(from * width + column) },
                    out_stride: width,
                    columns,
                    accumulate: accumulate || chunk > 0,
                };
                // SAFETY: the pointers have `count` rows each, and the parts of the output do not overlap.
                unsafe { tile(isa, to - from, columns.div_ceil(lanes))(&args) }
            }
        }
        TOGETHER.set(together);
    };
    let strips = width.div_ceil(side);
    if workers.threads() == 1 || count * height * width <= TASK {
        (0..strips).for_each(|index| strip(index, 0..blocks));
    } else if strips >= workers.threads() {
        workers.each(strips, &|index| strip(index, 0..blocks));
    } else {
        workers.each(strips * blocks, &|task| strip(task / blocks, task % blocks..task % blocks + 1));
    }
}

thread_local! {
    static TOGETHER: RefCell<Lines> = RefCell::new(Lines::default());
}

/// An address that several threads read from.
#[derive(Clone, Copy)]
struct Address(*const f32);

// SAFETY: only read, while the slice it comes from is borrowed.
unsafe impl Sync for Address {}

impl Address {
    fn get(&self) -> *const f32 {
        self.0
    }
}

/// Rows and vectors of the largest tile, and lanes of a vector.
fn shape(isa: Isa) -> (usize, usize, usize) {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => (12, 2, Zmm::LANES),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => (6, 2, Ymm::LANES),
        Level::Portable => (4, 1, Lanes::LANES),
    }
}

tiles_by_isa! {
    fn tile = sum(&TileArgs)
        avx512: [1 2 3 4 5 6 7 8 9 10 11 12; 1] [1 2 3 4 5 6 7 8 9 10 11 12; 2]
        avx2: [1 2 3 4 5 6; 1] [1 2 3 4 5 6; 2]
        portable: [1 2 3 4; 1]
}

// Indexed loops over constant ranges are what the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn sum<V: Vector, const ROWS: usize, const VECTORS: usize>(args: &TileArgs) {
    // SAFETY: the contract of `TileArgs`: `count` rows on both sides, `ROWS` floats on the left of each, `columns` on
    // the right, `ROWS` rows of `columns` floats in the output.
    unsafe {
        let last = args.columns - (VECTORS - 1) * V::LANES;
        let read = |from: *const f32, v: usize| {
            let from = from.add(v * V::LANES);
            if v + 1 < VECTORS || last >= V::LANES { V::load(from) } else { V::load_part(from, last) }
        };
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        let (mut left, mut right) = (args.left, args.right);
        for _ in 0..args.count {
            let mut line = [V::splat(0.0); VECTORS];
            for v in 0..VECTORS {
                line[v] = read(right, v);
            }
            for r in 0..ROWS {
                let factor = V::splat(*left.add(r));
                for v in 0..VECTORS {
                    sums[r][v] = factor.fma(line[v], sums[r][v]);
                }
            }
            left = left.wrapping_add(args.left_stride);
            right = right.wrapping_add(args.right_stride);
        }
        let one = V::splat(1.0);
        for r in 0..ROWS {
            for v in 0..VECTORS {
                let to = args.out.add(r * args.out_stride);
                let before = if args.accumulate { read(to, v) } else { V::splat(0.0) };
                let total = sums[r][v].fma(one, before);
                let to = to.add(v * V::LANES);
                if v + 1 < VECTORS || last >= V::LANES { total.store(to) } else { total.store_part(to, last) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_chains_whatever_the_instructions_and_threads() {
        for (count, height, width) in
            [(1, 1, 1), (7, 13, 5), (600, 25, 33), (1100, 9, 16), (530, 40, 100), (0, 3, 3)]
        {
            let value = |i: usize| ((i * 7919 + 13) % 1000) as f32 / 500.0 - 1.0;
            let left: Vec<f32> = (0..count * (height + 3) + 2).map(value).collect();
            let right: Vec<f32> = (0..count * width + 5).map(|i| value(i + 77)).collect();
            let mut want = vec![0.0; height * width];
            for from in (0..count).step_by(CHUNK) {
                for i in 0..height {
                    for j in 0..width {
                        let sum = (from..count.min(from + CHUNK)).fold(0.0f32, |sum, k| {
                            left[2 + k * (height + 3) + i].mul_add(right[5 + k * width + j], sum)
                        });
                        want[i * width + j] += sum;
                    }
                }
            }
            for isa in Isa::available() {
                for threads in [1, 2, 5] {
                    let workers = Workers::new(threads).unwrap();
                    let mut out = vec![f32::NAN; height * width];
                    let a = Lying { data: &left, start: 2, stride: height + 3, width: height };
                    let b = Lying { data: &right, start: 5, stride: width, width };
                    outer(isa, &workers, a, b, count, &mut out, false);
                    assert_eq!(out, want, "{isa:?} {threads} {count} {height} {width}");
                    outer(isa, &workers, a, b, count, &mut out, true);
                    let twice = out
                        .iter()
                        .zip(&want)
                        .all(|(out, want)| (out - 2.0 * want).abs() <= 1e-5 * (1.0 + want.abs()));
                    assert!(twice, "{isa:?} {threads} {count} {height} {width}");
                }
            }
        }
    }
}
