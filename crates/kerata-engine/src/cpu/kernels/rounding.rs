//! `Rounds`: what a vector does when rows are rounded to whole numbers of 8 bits.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

use super::dot::OFFSET;
use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};

/// What rounding needs of a vector.
///
/// # Safety
/// As for [`Vector`].
#[allow(clippy::missing_safety_doc)]
pub trait Rounds: Vector {
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
