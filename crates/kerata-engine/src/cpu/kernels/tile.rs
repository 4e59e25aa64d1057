//! The microkernel of every product: a tile of output rows times one panel of packed columns, kept in registers.
//!
//! What one call adds to an output element is one chain of fused multiply-adds over k in rising order, whatever the
//! tile, the instruction set or the thread: this is what makes results independent of all of them.

use super::isa::{Isa, Level, tiles_by_isa};
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};

/// Steps of a panel that are brought near ahead of the one that is read: a panel is larger than the nearest cache.
const AHEAD: usize = 16;

/// What one call computes: `out[r][j] = clamp(start + sum over taps and k of rows[r][tap][k] * panel[tap, k][j])`, or
/// `clamp(out[r][j] + (sum ...))` if it accumulates.
pub struct TileArgs {
    /// Pointers to `depth` floats each, `[row][tap]`.
    pub rows: *const *const f32,
    /// Pointers from one row of the table to the next.
    pub rows_stride: usize,
    /// Taps to sum over.
    pub taps: usize,
    /// Floats to skip at each row pointer.
    pub offset: usize,
    /// Floats to read at each row pointer.
    pub depth: usize,
    /// The panel; each k is `panel_stride` floats after the one before.
    pub panel: *const f32,
    /// Floats from one k to the next.
    pub panel_stride: usize,
    /// Floats from one panel to the next, for [`single`].
    pub panel_next: usize,
    /// First output element.
    pub out: *mut f32,
    /// Floats from one output row to the next.
    pub out_stride: usize,
    /// Columns to write, at most the width of the panel.
    pub columns: usize,
    /// Start of the sums if not null and not `accumulate`, else zero.
    pub bias: *const f32,
    /// Whether sums are added to what the output holds.
    pub accumulate: bool,
    /// Lower clamp.
    pub low: f32,
    /// Upper clamp.
    pub high: f32,
}

/// A microkernel.
///
/// # Safety
/// The instruction set must be there, and every pointer of the arguments valid as described there.
pub type TileFn = unsafe fn(&TileArgs);

/// Lanes of a vector, and the most rows of a tile by the vectors of a panel (1, 2, ...).
pub struct TileShape {
    /// Lanes of one vector.
    pub lanes: usize,
    /// Most rows for panels of 1, 2, ... vectors; its length is the widest panel.
    pub rows: &'static [usize],
}

/// The shape of tiles on `isa`.
pub fn shape(isa: Isa) -> TileShape {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => TileShape { lanes: Zmm::LANES, rows: &[12, 12, 8, 6] },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => TileShape { lanes: Ymm::LANES, rows: &[6, 6] },
        Level::Portable => TileShape { lanes: Lanes::LANES, rows: &[4] },
    }
}

/// Panels that a [`single`] row takes together, so that enough sums are under way.
pub fn together(isa: Isa) -> usize {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 2,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 4,
        Level::Portable => 4,
    }
}

/// The microkernel of one row and [`together`] neighbouring panels of full width, whose columns all exist.
pub fn single(isa: Isa) -> TileFn {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => single_avx512,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => single_avx2,
        Level::Portable => single_portable,
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn single_avx512(args: &TileArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { row::<Zmm, 4, 2>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn single_avx2(args: &TileArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { row::<Ymm, 2, 4>(args) }
}

unsafe fn single_portable(args: &TileArgs) {
    // SAFETY: the pointers are as promised.
    unsafe { row::<Lanes, 1, 4>(args) }
}

/// One row times `PANELS` panels that lie `panel_next` floats apart.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn row<V: Vector, const VECTORS: usize, const PANELS: usize>(args: &TileArgs) {
    // SAFETY: the contract of `TileArgs`, for each of the panels, whose columns are all written.
    unsafe {
        let place = |p: usize, v: usize| (p * VECTORS + v) * V::LANES;
        let mut sums = [[V::splat(0.0); VECTORS]; PANELS];
        for p in 0..PANELS {
            for v in 0..VECTORS {
                if !args.accumulate && !args.bias.is_null() {
                    sums[p][v] = V::load(args.bias.add(place(p, v)));
                }
            }
        }
        let mut panel = args.panel;
        for tap in 0..args.taps {
            let row = (*args.rows.add(tap)).add(args.offset);
            for k in 0..args.depth {
                let left = V::splat(*row.add(k));
                for p in 0..PANELS {
                    for v in 0..VECTORS {
                        let right = V::load(panel.add(p * args.panel_next + v * V::LANES));
                        sums[p][v] = left.fma(right, sums[p][v]);
                    }
                }
                panel = panel.add(args.panel_stride);
            }
        }
        // Loops with little in them: of larger ones the compiler keeps all sums in memory.
        if args.accumulate {
            for p in 0..PANELS {
                for v in 0..VECTORS {
                    sums[p][v] = V::load(args.out.add(place(p, v))).plus(sums[p][v]);
                }
            }
        }
        let (low, high) = (V::splat(args.low), V::splat(args.high));
        for p in 0..PANELS {
            for v in 0..VECTORS {
                sums[p][v].clamp(low, high).store(args.out.add(place(p, v)));
            }
        }
    }
}

tiles_by_isa! {
    /// The microkernel of `rows` rows and a panel of `vectors` vectors; both as [`shape`] allows.
    pub fn kernel = tile(&TileArgs)
        avx512: [1 2 3 4 5 6 7 8 9 10 11 12; 1] [1 2 3 4 5 6 7 8 9 10 11 12; 2] [1 2 3 4 5 6 7 8; 3] [1 2 3 4 5 6; 4]
        avx2: [1 2 3 4 5 6; 1] [1 2 3 4 5 6; 2]
        portable: [1 2 3 4; 1]
}

// Indexed loops over constant ranges are what the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize>(args: &TileArgs) {
    // SAFETY: the contract of `TileArgs`: each row pointer has `offset + depth` floats, the panel `taps * depth`
    // steps of full width, the output `columns` floats in each of `ROWS` rows, the bias `columns` floats.
    unsafe {
        let part = |v: usize| args.columns.saturating_sub(v * V::LANES);
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        if !args.accumulate && !args.bias.is_null() {
            for v in 0..VECTORS {
                let n = part(v);
                let from = args.bias.add(v * V::LANES);
                let bias = if n >= V::LANES { V::load(from) } else { V::load_part(from, n) };
                for row in sums.iter_mut() {
                    row[v] = bias;
                }
            }
        }
        let mut panel = args.panel;
        for tap in 0..args.taps {
            let mut rows = [std::ptr::null::<f32>(); ROWS];
            for r in 0..ROWS {
                rows[r] = (*args.rows.add(r * args.rows_stride + tap)).add(args.offset);
            }
            for k in 0..args.depth {
                let mut right = [V::splat(0.0); VECTORS];
                for v in 0..VECTORS {
                    V::prefetch(panel.wrapping_add(AHEAD * args.panel_stride + v * V::LANES));
                    right[v] = V::load(panel.add(v * V::LANES));
                }
                for r in 0..ROWS {
                    let left = V::splat(*rows[r].add(k));
                    for v in 0..VECTORS {
                        sums[r][v] = left.fma(right[v], sums[r][v]);
                    }
                }
                panel = panel.add(args.panel_stride);
            }
        }
        // As in `row`.
        if args.accumulate {
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    let from = args.out.add(r * args.out_stride + v * V::LANES);
                    let n = part(v);
                    let before = if n >= V::LANES { V::load(from) } else { V::load_part(from, n) };
                    sums[r][v] = before.plus(sums[r][v]);
                }
            }
        }
        let (low, high) = (V::splat(args.low), V::splat(args.high));
        for r in 0..ROWS {
            for v in 0..VECTORS {
                let to = args.out.add(r * args.out_stride + v * V::LANES);
                let sum = sums[r][v].clamp(low, high);
                let n = part(v);
                if n >= V::LANES { sum.store(to) } else { sum.store_part(to, n) }
            }
        }
    }
}
