//! `Rounded`: rows of floats, each rounded to whole numbers of 8 bits by its largest absolute value.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

use super::dot::{OFFSET, STEP, Way};
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};

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
            match way {
                #[cfg(target_arch = "x86_64")]
                Way::Dot16 => bytes_avx512(&args),
                #[cfg(target_arch = "x86_64")]
                Way::Pairs16 => shorts_avx512(&args),
                #[cfg(target_arch = "x86_64")]
                Way::Dot8 => bytes_avx2(&args),
                #[cfg(target_arch = "x86_64")]
                Way::Pairs8 => shorts_avx2(&args),
                Way::Portable => round::<Lanes, false>(&args),
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

/// What rounding needs of a vector.
///
/// # Safety
/// As for [`Vector`].
trait Rounds: Vector {
    /// Half of the lanes are the first number, half the second.
    unsafe fn splat_two(from: *const f32) -> Self;
    /// The larger of each lane and the absolute value of another, NaN above all.
    unsafe fn or_magnitude(self, x: Self) -> Self;
    /// The largest lane of each of as many vectors as there are lanes; none is negative.
    unsafe fn across(vectors: &[Self; 16]) -> Self;
    /// The same for both halves of half as many vectors, none of whose lanes was made positive yet.
    unsafe fn across_halves(vectors: &[Self; 16]) -> Self;
    /// `self / by`.
    unsafe fn per(self, by: Self) -> Self;
    /// Whether a lane is zero.
    unsafe fn has_zero(self) -> bool;
    /// Rounds four vectors to the nearest whole numbers, halves to even, and writes them one behind the other: bytes with
    /// the offset added, or numbers of 16 bits.
    unsafe fn store_four<const BYTES: bool>(parts: [Self; 4], to: *mut u8);
}

// SAFETY (all methods): only reads and writes that the caller vouches for.
impl Rounds for Lanes {
    #[inline(always)]
    unsafe fn splat_two(from: *const f32) -> Self {
        // SAFETY: the caller vouches for two floats.
        unsafe { Lanes(std::array::from_fn(|lane| *from.add(lane / 4))) }
    }
    #[inline(always)]
    unsafe fn or_magnitude(self, x: Self) -> Self {
        // The bits of positive floats are in the order of the floats, with NaN above all.
        Lanes(std::array::from_fn(|i| f32::from_bits(self.0[i].to_bits().max(x.0[i].abs().to_bits()))))
    }
    #[inline(always)]
    unsafe fn across(vectors: &[Self; 16]) -> Self {
        let most = |lanes: &Lanes| lanes.0.iter().fold(0, |most, x| x.to_bits().max(most));
        Lanes(std::array::from_fn(|i| f32::from_bits(most(&vectors[i]))))
    }
    #[inline(always)]
    unsafe fn across_halves(vectors: &[Self; 16]) -> Self {
        let most = |half: &[f32]| half.iter().fold(0, |most, x| x.abs().to_bits().max(most));
        Lanes(std::array::from_fn(|i| f32::from_bits(most(&vectors[i / 2].0[i % 2 * 4..i % 2 * 4 + 4]))))
    }
    #[inline(always)]
    unsafe fn per(self, by: Self) -> Self {
        Lanes(std::array::from_fn(|i| self.0[i] / by.0[i]))
    }
    #[inline(always)]
    unsafe fn has_zero(self) -> bool {
        self.0.contains(&0.0)
    }
    #[inline(always)]
    unsafe fn store_four<const BYTES: bool>(parts: [Self; 4], to: *mut u8) {
        /// Added to a float below 2^22, its low bits are the nearest whole number, halves to even.
        const MAGIC: f32 = 12_582_912.0;
        for (at, part) in parts.into_iter().enumerate() {
            let whole = part.0.map(|x| (x + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()));
            // SAFETY: the caller vouches for the room.
            unsafe {
                if BYTES {
                    let bytes = whole.map(|x| x.wrapping_add(OFFSET as u32) as u8);
                    to.add(at * 8).cast::<[u8; 8]>().write_unaligned(bytes);
                } else {
                    to.add(at * 16).cast::<[u16; 8]>().write_unaligned(whole.map(|x| x as u16));
                }
            }
        }
    }
}

// SAFETY (all methods): AVX2 is there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Rounds for Ymm {
    #[inline(always)]
    unsafe fn splat_two(from: *const f32) -> Self {
        // SAFETY: see above.
        unsafe {
            let halves = (x86::_mm_set1_ps(*from), x86::_mm_set1_ps(*from.add(1)));
            Ymm(x86::_mm256_set_m128(halves.1, halves.0))
        }
    }
    #[inline(always)]
    unsafe fn or_magnitude(self, x: Self) -> Self {
        // The bits of positive floats are in the order of the floats, with NaN above all.
        // SAFETY: see above.
        unsafe {
            let bits = x86::_mm256_and_si256(x86::_mm256_castps_si256(x.0), x86::_mm256_set1_epi32(i32::MAX));
            Ymm(x86::_mm256_castsi256_ps(x86::_mm256_max_epi32(x86::_mm256_castps_si256(self.0), bits)))
        }
    }
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn across(vectors: &[Self; 16]) -> Self {
        use x86::*;
        // SAFETY: see above.
        unsafe {
            let bits = |x| _mm256_castps_si256(x);
            let most = |a, b| _mm256_castsi256_ps(_mm256_max_epi32(bits(a), bits(b)));
            // The halves of one vector and another four further are two quarters, as the last steps want them.
            let mut four = [_mm256_setzero_ps(); 4];
            for at in 0..4 {
                let (a, b) = (vectors[at].0, vectors[at + 4].0);
                four[at] = most(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
            }
            let pair = |a, b| {
                let (a, b) = (_mm256_castps_pd(a), _mm256_castps_pd(b));
                let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
                most(_mm256_castpd_ps(low), _mm256_castpd_ps(high))
            };
            let (a, b) = (pair(four[0], four[1]), pair(four[2], four[3]));
            Ymm(most(_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b)))
        }
    }
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn across_halves(vectors: &[Self; 16]) -> Self {
        // SAFETY: see above.
        unsafe {
            let mut halves = [Ymm::splat(0.0); 16];
            for at in 0..4 {
                let x = Ymm::splat(0.0).or_magnitude(vectors[at]).0;
                halves[2 * at] = Ymm(x86::_mm256_permute2f128_ps::<0x80>(x, x));
                halves[2 * at + 1] = Ymm(x86::_mm256_permute2f128_ps::<0x81>(x, x));
            }
            Ymm::across(&halves)
        }
    }
    #[inline(always)]
    unsafe fn per(self, by: Self) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_div_ps(self.0, by.0)) }
    }
    #[inline(always)]
    unsafe fn has_zero(self) -> bool {
        // SAFETY: see above.
        unsafe {
            let is_zero = x86::_mm256_cmp_ps::<{ x86::_CMP_EQ_OQ }>(self.0, x86::_mm256_setzero_ps());
            x86::_mm256_movemask_ps(is_zero) != 0
        }
    }
    #[inline(always)]
    unsafe fn store_four<const BYTES: bool>(parts: [Self; 4], to: *mut u8) {
        use x86::*;
        // SAFETY: see above.
        unsafe {
            let pack =
                |a: Self, b: Self| _mm256_packs_epi32(_mm256_cvtps_epi32(a.0), _mm256_cvtps_epi32(b.0));
            let (ab, cd) = (pack(parts[0], parts[1]), pack(parts[2], parts[3]));
            if BYTES {
                // Packing keeps halves of vectors apart: fours of bytes are put in order.
                let order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
                let bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), order);
                _mm256_storeu_si256(to.cast(), _mm256_xor_si256(bytes, _mm256_set1_epi8(i8::MIN)));
            } else {
                _mm256_storeu_si256(to.cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(ab));
                _mm256_storeu_si256(to.add(32).cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(cd));
            }
        }
    }
}

// SAFETY (all methods): AVX-512 F, BW, DQ, VL are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Rounds for Zmm {
    #[inline(always)]
    unsafe fn splat_two(from: *const f32) -> Self {
        // SAFETY: see above.
        unsafe {
            let (a, b) = (x86::_mm512_set1_ps(*from), x86::_mm512_set1_ps(*from.add(1)));
            Zmm(x86::_mm512_mask_blend_ps(0xff00, a, b))
        }
    }
    #[inline(always)]
    unsafe fn or_magnitude(self, x: Self) -> Self {
        // The bits of positive floats are in the order of the floats, with NaN above all.
        // SAFETY: see above.
        unsafe {
            let bits = x86::_mm512_castps_si512(x86::_mm512_abs_ps(x.0));
            Zmm(x86::_mm512_castsi512_ps(x86::_mm512_max_epi32(x86::_mm512_castps_si512(self.0), bits)))
        }
    }
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn across(vectors: &[Self; 16]) -> Self {
        use x86::*;
        // SAFETY: see above.
        unsafe {
            let bits = |x| _mm512_castps_si512(x);
            let most = |a, b| _mm512_castsi512_ps(_mm512_max_epi32(bits(a), bits(b)));
            let halves = |a, b| {
                most(_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b))
            };
            // Quarter `i` of vector `at` is what is left of row `4 i + at`, as the last steps want it.
            let mut four = [_mm512_setzero_ps(); 4];
            for at in 0..4 {
                let a = halves(vectors[at].0, vectors[at + 4].0);
                let b = halves(vectors[at + 8].0, vectors[at + 12].0);
                let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                four[at] = most(even, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
            }
            Zmm(last_steps(&four))
        }
    }
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn across_halves(vectors: &[Self; 16]) -> Self {
        use x86::*;
        // SAFETY: see above.
        unsafe {
            let bits = |x| _mm512_castps_si512(x);
            let most = |a, b| _mm512_castsi512_ps(_mm512_max_epi32(bits(a), bits(b)));
            let mut four = [_mm512_setzero_ps(); 4];
            for at in 0..4 {
                let (a, b) = (_mm512_abs_ps(vectors[at].0), _mm512_abs_ps(vectors[at + 4].0));
                let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                four[at] = most(even, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
            }
            // Quarters of vector `at` are rows `2 at`, `2 at + 1`, `2 at + 8` and `2 at + 9`.
            let order = _mm512_set_epi32(15, 11, 14, 10, 13, 9, 12, 8, 7, 3, 6, 2, 5, 1, 4, 0);
            Zmm(_mm512_permutexvar_ps(order, last_steps(&four)))
        }
    }
    #[inline(always)]
    unsafe fn per(self, by: Self) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_div_ps(self.0, by.0)) }
    }
    #[inline(always)]
    unsafe fn has_zero(self) -> bool {
        // SAFETY: see above.
        unsafe { x86::_mm512_cmpeq_ps_mask(self.0, x86::_mm512_setzero_ps()) != 0 }
    }
    #[inline(always)]
    unsafe fn store_four<const BYTES: bool>(parts: [Self; 4], to: *mut u8) {
        use x86::*;
        // SAFETY: see above.
        unsafe {
            let pack =
                |a: Self, b: Self| _mm512_packs_epi32(_mm512_cvtps_epi32(a.0), _mm512_cvtps_epi32(b.0));
            let (ab, cd) = (pack(parts[0], parts[1]), pack(parts[2], parts[3]));
            if BYTES {
                // Packing keeps quarters of vectors apart: fours of bytes are put in order.
                let order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
                let bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
                _mm512_storeu_si512(to.cast(), _mm512_xor_si512(bytes, _mm512_set1_epi8(i8::MIN)));
            } else {
                let order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
                _mm512_storeu_si512(to.cast(), _mm512_permutexvar_epi64(order, ab));
                _mm512_storeu_si512(to.add(64).cast(), _mm512_permutexvar_epi64(order, cd));
            }
        }
    }
}

/// The largest of each quarter of four vectors; that of quarter `i` of vector `j` is lane `4 i + j`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn last_steps(four: &[x86::__m512; 4]) -> x86::__m512 {
    use x86::*;
    // SAFETY: AVX-512 F is there: only `Zmm` calls this.
    unsafe {
        let bits = |x| _mm512_castps_si512(x);
        let most = |a, b| _mm512_castsi512_ps(_mm512_max_epi32(bits(a), bits(b)));
        let pair = |a, b| {
            let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
            let (low, high) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
            most(_mm512_castpd_ps(low), _mm512_castpd_ps(high))
        };
        let (a, b) = (pair(four[0], four[1]), pair(four[2], four[3]));
        most(_mm512_shuffle_ps::<0b10_00_10_00>(a, b), _mm512_shuffle_ps::<0b11_01_11_01>(a, b))
    }
}
