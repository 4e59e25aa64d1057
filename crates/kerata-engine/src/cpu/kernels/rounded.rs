//! `Rounded`: rows of floats, each rounded to whole numbers of 8 bits by its largest absolute value.

use super::dot::{OFFSET, STEP};
use super::rounding::Rounds;
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};
use super::way::{Kind, Way};

/// What is added to a largest value, so that nothing is divided by zero.
const EPSILON: f32 = 1e-7;
/// The number that the largest value becomes.
const LARGEST: f32 = 127.0;
/// Bytes behind the last row that whole vectors may be written to.
const SLACK: usize = 128;

/// Rows of whole numbers with their scales.
#[derive(Default)]
pub struct Rounded {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    /// One over the scales.
    inverses: Vec<f32>,
    /// Bytes of a row.
    width: usize,
}

impl Rounded {
    /// Rounds so many rows of `depth` floats, for a way of multiplying.
    pub fn round(&mut self, way: Way, floats: &[f32], depth: usize, rows: usize) {
        assert!(floats.len() >= rows * depth, "floats for all rows");
        let size = if way.takes_bytes() { 1 } else { 2 };
        self.width = run_of(depth, way.lanes()).next_multiple_of(STEP) * size;
        self.bytes.resize(rows * self.width + SLACK, 0);
        // A row of nothing has a scale too.
        self.scales.resize(rows, 1.0);
        self.inverses.resize(rows, 1.0);
        if depth == 0 {
            return;
        }
        let args = RoundArgs {
            floats: floats.as_ptr(),
            depth,
            rows,
            width: self.width,
            to: self.bytes.as_mut_ptr(),
            scales: self.scales.as_mut_ptr(),
            inverses: self.inverses.as_mut_ptr(),
        };
        // SAFETY: a way is made only where its instructions are; the lengths are those of the arguments.
        unsafe {
            match way.kind() {
                #[cfg(target_arch = "x86_64")]
                Kind::Dot16 => bytes_avx512(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Pairs16 => shorts_avx512(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Dot8 => bytes_avx2(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Pairs8 => shorts_avx2(&args),
                Kind::Portable => round::<Lanes, false>(&args),
            }
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Bytes of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The scale of each row, and one over it.
    pub fn scales(&self) -> (&[f32], &[f32]) {
        (&self.scales, &self.inverses)
    }
}

/// What is rounded, and where to: `width` bytes a row and [`SLACK`], and a scale and its inverse for each row.
struct RoundArgs {
    floats: *const f32,
    depth: usize,
    rows: usize,
    width: usize,
    to: *mut u8,
    scales: *mut f32,
    inverses: *mut f32,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn bytes_avx512(args: &RoundArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { round::<Zmm, true>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn shorts_avx512(args: &RoundArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { round::<Zmm, false>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn bytes_avx2(args: &RoundArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { round::<Ymm, true>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn shorts_avx2(args: &RoundArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { round::<Ymm, false>(args) }
}

/// Rounds rows in groups of a vector's lanes: their scales are one vector.
/// Floats of a row from which it is written in runs of four vectors; shorter ones share a run.
fn run_of(depth: usize, lanes: usize) -> usize {
    match depth {
        _ if 2 * depth == lanes => depth,
        _ if depth <= lanes => lanes,
        _ if depth <= 2 * lanes => 2 * lanes,
        _ => depth.next_multiple_of(4 * lanes),
    }
}

/// Rounds rows in groups of a vector's lanes: their scales are one vector.
#[inline(always)]
unsafe fn round<V: Rounds, const BYTES: bool>(args: &RoundArgs) {
    // SAFETY: the contract of the arguments.
    unsafe {
        for first in (0..args.rows).step_by(V::LANES) {
            let group = Group {
                from: args.floats.add(first * args.depth),
                depth: args.depth,
                count: V::LANES.min(args.rows - first),
                to: args.to.add(first * args.width),
                width: args.width,
                scales: args.scales.add(first),
                inverses: args.inverses.add(first),
            };
            if group.count < V::LANES || args.depth > 2 * V::LANES {
                group.round::<V, BYTES>();
            } else if args.depth > V::LANES {
                group.round_short::<V, BYTES, 2>();
            } else if 2 * args.depth == V::LANES {
                group.round_short::<V, BYTES, 8>();
            } else {
                group.round_short::<V, BYTES, 4>();
            }
        }
    }
}

/// Some rows, as many as a vector has lanes, or fewer.
struct Group {
    from: *const f32,
    depth: usize,
    count: usize,
    to: *mut u8,
    width: usize,
    scales: *mut f32,
    inverses: *mut f32,
}

// Indexed loops over constant ranges are what the compiler unrolls into registers; closures given to functions of the
// standard library would be compiled without the instructions.
#[allow(clippy::needless_range_loop)]
impl Group {
    /// Rounds rows of any length, one after the other.
    ///
    /// # Safety
    /// The instructions of `V` are there; the pointers are those of [`RoundArgs`].
    #[inline(always)]
    unsafe fn round<V: Rounds, const BYTES: bool>(&self) {
        // SAFETY: rows below the count are read and written; what a run writes beyond its row is the start of a later row,
        // or the slack.
        unsafe {
            let mut largest = [V::splat(0.0); 16];
            for at in 0..self.count {
                let row = self.from.add(at * self.depth);
                let mut k = 0;
                while k < self.depth {
                    largest[at] = largest[at].or_magnitude(load::<V>(row.add(k), self.depth - k));
                    k += V::LANES;
                }
            }
            let is_finite = self.scale(V::across(&largest));
            for at in 0..self.count {
                let (row, to) = (self.from.add(at * self.depth), self.to.add(at * self.width));
                let by = V::splat(*self.scales.add(at));
                let mut k = 0;
                while k < self.depth {
                    let mut parts = [V::splat(0.0); 4];
                    for part in 0..4 {
                        let left = self.depth.saturating_sub(k + part * V::LANES);
                        parts[part] = load::<V>(row.wrapping_add(k + part * V::LANES), left).times(by);
                    }
                    V::store_four::<BYTES>(parts, to.add(k * size::<BYTES>()));
                    k += 4 * V::LANES;
                }
            }
            if !is_finite {
                self.clear::<BYTES>();
            }
        }
    }

    /// Rounds short rows, of which so many are one run: two of two vectors, four of one, eight of a half. As many rows as a
    /// vector has lanes.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    unsafe fn round_short<V: Rounds, const BYTES: bool, const TOGETHER: usize>(&self) {
        // SAFETY: as above, for as many rows as lanes.
        unsafe {
            let depth = self.depth;
            let mut largest = [V::splat(0.0); 16];
            let largest = if TOGETHER == 8 {
                for at in 0..V::LANES / 2 {
                    largest[at] = V::load(self.from.add(at * V::LANES));
                }
                V::across_halves(&largest)
            } else {
                for at in 0..V::LANES {
                    let row = self.from.add(at * depth);
                    largest[at] = largest[at].or_magnitude(load::<V>(row, depth));
                    if TOGETHER == 2 {
                        largest[at] =
                            largest[at].or_magnitude(load::<V>(row.add(V::LANES), depth - V::LANES));
                    }
                }
                V::across(&largest)
            };
            let is_finite = self.scale(largest);
            for run in 0..V::LANES / TOGETHER {
                let at = run * TOGETHER;
                let (from, scales) = (self.from.add(at * depth), self.scales.add(at).cast_const());
                let mut parts = [V::splat(0.0); 4];
                for part in 0..4 {
                    parts[part] = match TOGETHER {
                        8 => V::load(from.add(part * V::LANES)).times(V::splat_two(scales.add(2 * part))),
                        4 => load::<V>(from.add(part * depth), depth).times(V::splat(*scales.add(part))),
                        _ => {
                            let (row, skipped) = (part / 2, part % 2 * V::LANES);
                            let x = load::<V>(from.add(row * depth + skipped), depth - skipped);
                            x.times(V::splat(*scales.add(row)))
                        }
                    };
                }
                V::store_four::<BYTES>(parts, self.to.add(at * self.width));
            }
            if !is_finite {
                self.clear::<BYTES>();
            }
        }
    }

    /// Writes the scales that the largest values make; says whether these are all finite.
    #[inline(always)]
    unsafe fn scale<V: Rounds>(&self, largest: V) -> bool {
        // SAFETY: as above.
        unsafe {
            let largest = largest.plus(V::splat(EPSILON));
            let scales = V::splat(LARGEST).per(largest);
            let inverses = largest.times(V::splat(1.0 / LARGEST));
            if self.count == V::LANES {
                scales.store(self.scales);
                inverses.store(self.inverses);
            } else {
                scales.store_part(self.scales, self.count);
                inverses.store_part(self.inverses, self.count);
            }
            !scales.has_zero()
        }
    }

    /// Infinity times the scale of zero that it makes is no number: the whole numbers of its row are zero.
    #[cold]
    unsafe fn clear<const BYTES: bool>(&self) {
        let zero = if BYTES { OFFSET as u8 } else { 0 };
        for at in 0..self.count {
            // SAFETY: as above.
            unsafe {
                if *self.scales.add(at) == 0.0 {
                    self.to.add(at * self.width).write_bytes(zero, self.width);
                }
            }
        }
    }
}

/// Bytes of a whole number.
const fn size<const BYTES: bool>() -> usize {
    if BYTES { 1 } else { 2 }
}

/// Reads a vector, or as many floats as are left.
#[inline(always)]
unsafe fn load<V: Vector>(from: *const f32, left: usize) -> V {
    // SAFETY: the caller vouches for what is left.
    unsafe { if left >= V::LANES { V::load(from) } else { V::load_part(from, left) } }
}
