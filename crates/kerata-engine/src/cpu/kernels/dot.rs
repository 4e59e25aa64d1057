//! `Sums`: whole-number sums of byte products in registers, one kind for each way of multiplying.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

use super::vector::{Lanes, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};

/// Numbers of a row and of a column that one step multiplies.
pub const STEP: usize = 4;

/// What is added to the bytes of rows: the processor multiplies unsigned by signed bytes.
pub const OFFSET: i32 = 128;

/// Sums of as many columns as a vector has lanes, or of two rows and half as many columns.
///
/// # Safety
/// Methods may run only where the instructions are known to be there, inlined into a function compiled for them;
/// pointers must be valid for what is read.
#[allow(clippy::missing_safety_doc)]
pub trait Sums: Copy {
    /// The vector that holds the sums as floats.
    type Float: Vector;
    /// A step of the weights of these columns.
    type Weights: Copy;
    /// A step of a row, for all columns.
    type Row: Copy;
    /// Bytes of a step of a row.
    const ROW_BYTES: usize;
    /// Rows whose sums are together in a vector.
    const ROWS: usize = 1;
    /// The sums before the first step; `from` has one number a column.
    unsafe fn start(from: *const i32) -> Self;
    /// Reads four bytes of each column.
    unsafe fn weights(from: *const i8) -> Self::Weights;
    /// Reads four numbers of each row; `step` bytes lie between these.
    unsafe fn row(from: *const u8, step: usize) -> Self::Row;
    /// Adds the products of a step.
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self;
    /// The sums, rounded to floats.
    unsafe fn floats(self) -> Self::Float;
    /// A number of each row for all its sums.
    #[inline(always)]
    unsafe fn of_rows(from: *const f32) -> Self::Float {
        // SAFETY: the caller vouches for the rows.
        unsafe { Self::Float::splat(*from) }
    }
    /// A number of each column for all its sums; zero where there is no column.
    #[inline(always)]
    unsafe fn of_columns(from: *const f32, columns: usize) -> Self::Float {
        // SAFETY: the caller vouches for the columns.
        unsafe {
            if columns >= Self::Float::LANES {
                Self::Float::load(from)
            } else {
                Self::Float::load_part(from, columns)
            }
        }
    }
    /// Writes what sums became; `step` floats lie between rows.
    #[inline(always)]
    unsafe fn write(result: Self::Float, to: *mut f32, _step: usize, columns: usize) {
        // SAFETY: the caller vouches for the room.
        unsafe {
            if columns >= Self::Float::LANES { result.store(to) } else { result.store_part(to, columns) }
        }
    }
}

/// Sums in plain Rust.
#[derive(Clone, Copy)]
pub struct Plain([i32; 8]);

// SAFETY (all methods): only reads that the caller vouches for.
impl Sums for Plain {
    type Float = Lanes;
    type Weights = [i8; 8 * STEP];
    type Row = [i16; STEP];
    const ROW_BYTES: usize = 2 * STEP;
    #[inline(always)]
    unsafe fn start(_: *const i32) -> Self {
        Plain([0; 8])
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: the caller vouches for four bytes of eight columns.
        unsafe { from.cast::<Self::Weights>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, _: usize) -> Self::Row {
        // SAFETY: the caller vouches for a step.
        unsafe { from.cast::<Self::Row>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        let mut sums = self.0;
        for (sum, weights) in sums.iter_mut().zip(weights.chunks_exact(STEP)) {
            for (&x, &weight) in row.iter().zip(weights) {
                *sum = sum.wrapping_add(i32::from(x) * i32::from(weight));
            }
        }
        Plain(sums)
    }
    #[inline(always)]
    unsafe fn floats(self) -> Lanes {
        Lanes(self.0.map(|sum| sum as f32))
    }
}

/// Sums of eight columns, by AVX2 with VNNI.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Dot8(x86::__m256i);

// SAFETY (all methods): AVX2 and its VNNI are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Sums for Dot8 {
    type Float = Ymm;
    type Weights = x86::__m256i;
    type Row = x86::__m256i;
    const ROW_BYTES: usize = STEP;
    #[inline(always)]
    unsafe fn start(from: *const i32) -> Self {
        // SAFETY: see above.
        unsafe { Dot8(x86::_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see above.
        unsafe { x86::_mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, _: usize) -> Self::Row {
        // SAFETY: see above.
        unsafe { x86::_mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        // SAFETY: see above.
        unsafe { Dot8(x86::_mm256_dpbusd_avx_epi32(self.0, row, weights)) }
    }
    #[inline(always)]
    unsafe fn floats(self) -> Ymm {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_cvtepi32_ps(self.0)) }
    }
}

/// Sums of sixteen columns, by AVX-512 with VNNI.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Dot16(x86::__m512i);

// SAFETY (all methods): AVX-512 F and VNNI are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Sums for Dot16 {
    type Float = Zmm;
    type Weights = x86::__m512i;
    type Row = x86::__m512i;
    const ROW_BYTES: usize = STEP;
    #[inline(always)]
    unsafe fn start(from: *const i32) -> Self {
        // SAFETY: see above.
        unsafe { Dot16(x86::_mm512_loadu_si512(from.cast())) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see above.
        unsafe { x86::_mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, _: usize) -> Self::Row {
        // SAFETY: see above.
        unsafe { x86::_mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        // SAFETY: see above.
        unsafe { Dot16(x86::_mm512_dpbusd_epi32(self.0, row, weights)) }
    }
    #[inline(always)]
    unsafe fn floats(self) -> Zmm {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_cvtepi32_ps(self.0)) }
    }
}

/// Sums of two rows and eight columns, by AVX-512 with VNNI.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Twice8(x86::__m512i);

// SAFETY (all methods): AVX-512 F, DQ, VL and VNNI are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Sums for Twice8 {
    type Float = Zmm;
    type Weights = x86::__m512i;
    type Row = x86::__m512i;
    const ROW_BYTES: usize = STEP;
    const ROWS: usize = 2;
    #[inline(always)]
    unsafe fn start(from: *const i32) -> Self {
        // SAFETY: see above.
        unsafe { Twice8(x86::_mm512_broadcast_i64x4(x86::_mm256_loadu_si256(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see above.
        unsafe { x86::_mm512_broadcast_i64x4(x86::_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, step: usize) -> Self::Row {
        // SAFETY: see above.
        unsafe {
            let first = x86::_mm512_set1_epi32(from.cast::<i32>().read_unaligned());
            let second = x86::_mm512_set1_epi32(from.add(step).cast::<i32>().read_unaligned());
            x86::_mm512_mask_blend_epi32(0xff00, first, second)
        }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        // SAFETY: see above.
        unsafe { Twice8(x86::_mm512_dpbusd_epi32(self.0, row, weights)) }
    }
    #[inline(always)]
    unsafe fn floats(self) -> Zmm {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_cvtepi32_ps(self.0)) }
    }
    #[inline(always)]
    unsafe fn of_rows(from: *const f32) -> Zmm {
        // SAFETY: see above.
        unsafe {
            let (first, second) = (x86::_mm512_set1_ps(*from), x86::_mm512_set1_ps(*from.add(1)));
            Zmm(x86::_mm512_mask_blend_ps(0xff00, first, second))
        }
    }
    #[inline(always)]
    unsafe fn of_columns(from: *const f32, columns: usize) -> Zmm {
        let mask = ((1u32 << columns.min(8)) - 1) as u8;
        // SAFETY: see above; masked lanes are not touched.
        unsafe { Zmm(x86::_mm512_broadcast_f32x8(x86::_mm256_maskz_loadu_ps(mask, from))) }
    }
    #[inline(always)]
    unsafe fn write(result: Zmm, to: *mut f32, step: usize, columns: usize) {
        // SAFETY: see above; masked lanes are not touched.
        unsafe {
            if columns == 8 && step == 8 {
                return result.store(to);
            }
            let mask = ((1u32 << columns.min(8)) - 1) as u8;
            x86::_mm256_mask_storeu_ps(to, mask, x86::_mm512_castps512_ps256(result.0));
            x86::_mm256_mask_storeu_ps(to.add(step), mask, x86::_mm512_extractf32x8_ps::<1>(result.0));
        }
    }
}

/// Sums of eight columns in halves, by AVX2: each product of 16 bits is held, also the sum of two.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Pairs8([x86::__m256i; 2]);

// SAFETY (all methods): AVX2 is there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Sums for Pairs8 {
    type Float = Ymm;
    type Weights = [x86::__m256i; 2];
    type Row = x86::__m256i;
    const ROW_BYTES: usize = 2 * STEP;
    #[inline(always)]
    unsafe fn start(_: *const i32) -> Self {
        // SAFETY: see above.
        unsafe { Pairs8([x86::_mm256_setzero_si256(); 2]) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see above.
        unsafe {
            [
                x86::_mm256_cvtepi8_epi16(x86::_mm_loadu_si128(from.cast())),
                x86::_mm256_cvtepi8_epi16(x86::_mm_loadu_si128(from.add(16).cast())),
            ]
        }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, _: usize) -> Self::Row {
        // SAFETY: see above.
        unsafe { x86::_mm256_set1_epi64x(from.cast::<i64>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        // SAFETY: see above.
        unsafe {
            let add = |i: usize| x86::_mm256_add_epi32(self.0[i], x86::_mm256_madd_epi16(row, weights[i]));
            Pairs8([add(0), add(1)])
        }
    }
    #[inline(always)]
    unsafe fn floats(self) -> Ymm {
        // SAFETY: see above.
        unsafe {
            let sums = x86::_mm256_hadd_epi32(self.0[0], self.0[1]);
            Ymm(x86::_mm256_cvtepi32_ps(x86::_mm256_permute4x64_epi64::<0b11_01_10_00>(sums)))
        }
    }
}

/// Sums of sixteen columns in halves, by AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Pairs16([x86::__m512i; 2]);

// SAFETY (all methods): AVX-512 F and BW are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Sums for Pairs16 {
    type Float = Zmm;
    type Weights = [x86::__m512i; 2];
    type Row = x86::__m512i;
    const ROW_BYTES: usize = 2 * STEP;
    #[inline(always)]
    unsafe fn start(_: *const i32) -> Self {
        // SAFETY: see above.
        unsafe { Pairs16([x86::_mm512_setzero_si512(); 2]) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see above.
        unsafe {
            [
                x86::_mm512_cvtepi8_epi16(x86::_mm256_loadu_si256(from.cast())),
                x86::_mm512_cvtepi8_epi16(x86::_mm256_loadu_si256(from.add(32).cast())),
            ]
        }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8, _: usize) -> Self::Row {
        // SAFETY: see above.
        unsafe { x86::_mm512_set1_epi64(from.cast::<i64>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn add(self, row: Self::Row, weights: Self::Weights) -> Self {
        // SAFETY: see above.
        unsafe {
            let add = |i: usize| x86::_mm512_add_epi32(self.0[i], x86::_mm512_madd_epi16(row, weights[i]));
            Pairs16([add(0), add(1)])
        }
    }
    #[inline(always)]
    unsafe fn floats(self) -> Zmm {
        // SAFETY: see above.
        unsafe {
            let even = x86::_mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
            let odd = x86::_mm512_add_epi32(even, x86::_mm512_set1_epi32(1));
            let half = |places| x86::_mm512_permutex2var_epi32(self.0[0], places, self.0[1]);
            Zmm(x86::_mm512_cvtepi32_ps(x86::_mm512_add_epi32(half(even), half(odd))))
        }
    }
}
