//! `Vector`: the few vector operations the microkernels are written in, for each instruction set.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

/// A register of `f32` lanes.
///
/// # Safety
/// Methods may run only where the instruction set is known to be there (see [`Isa`](super::isa::Isa)), inlined
/// into a function compiled for it; pointers must be valid for the lanes that are read or written.
#[allow(clippy::missing_safety_doc)]
pub trait Vector: Copy {
    /// Number of lanes.
    const LANES: usize;
    /// All lanes equal.
    unsafe fn splat(x: f32) -> Self;
    /// Reads all lanes, any alignment.
    unsafe fn load(from: *const f32) -> Self;
    /// Reads the first `n` lanes, zero in the others.
    unsafe fn load_part(from: *const f32, n: usize) -> Self;
    /// Writes all lanes.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `n` lanes.
    unsafe fn store_part(self, to: *mut f32, n: usize);
    /// Has the line of an address brought near, where there is such a thing; nothing need be there.
    #[inline(always)]
    fn prefetch(_at: *const f32) {}
    /// `self * b + c`, rounded once.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// `self * b`.
    unsafe fn times(self, b: Self) -> Self;
    /// `self + b`.
    unsafe fn plus(self, b: Self) -> Self;
    /// Lanes clamped; NaN stays.
    unsafe fn clamp(self, low: Self, high: Self) -> Self;
}

/// Eight lanes in plain Rust.
#[derive(Clone, Copy)]
pub struct Lanes(pub(super) [f32; 8]);

// SAFETY (all methods): only pointer reads and writes that the caller vouches for.
impl Vector for Lanes {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Lanes([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for eight floats.
        unsafe { Lanes(from.cast::<[f32; 8]>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        let mut lanes = [0.0; 8];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: `i < n`, which the caller vouches for.
            *lane = unsafe { *from.add(i) };
        }
        Lanes(lanes)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for eight floats.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        for (i, lane) in self.0.iter().enumerate().take(n) {
            // SAFETY: `i < n`, which the caller vouches for.
            unsafe { *to.add(i) = *lane };
        }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        let mut lanes = c.0;
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane = self.0[i].mul_add(b.0[i], *lane);
        }
        Lanes(lanes)
    }
    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        Lanes(std::array::from_fn(|i| self.0[i] * b.0[i]))
    }
    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        Lanes(std::array::from_fn(|i| self.0[i] + b.0[i]))
    }
    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        let mut lanes = self.0;
        for (i, lane) in lanes.iter_mut().enumerate() {
            let x = if *lane < low.0[i] { low.0[i] } else { *lane };
            *lane = if x > high.0[i] { high.0[i] } else { x };
        }
        Lanes(lanes)
    }
}

/// Eight lanes of AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Ymm(pub(super) x86::__m256);

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn mask8(n: usize) -> x86::__m256i {
    const ONES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: `8 - min(n, 8) + 8 <= 16`.
    unsafe { x86::_mm256_loadu_si256(ONES.as_ptr().add(8 - n.min(8)).cast()) }
}

// SAFETY (all methods): AVX2 and FMA are there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Vector for Ymm {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        // SAFETY: see above; masked lanes are not touched.
        unsafe { Ymm(x86::_mm256_maskload_ps(from, mask8(n))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { x86::_mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        // SAFETY: see above; masked lanes are not touched.
        unsafe { x86::_mm256_maskstore_ps(to, mask8(n), self.0) }
    }
    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: every x86-64 has it, and it reads nothing.
        unsafe { x86::_mm_prefetch::<{ x86::_MM_HINT_T0 }>(at.cast()) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_fmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_mul_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_add_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        // The second operand is returned when one is NaN.
        // SAFETY: see above.
        unsafe { Ymm(x86::_mm256_min_ps(high.0, x86::_mm256_max_ps(low.0, self.0))) }
    }
}

/// Sixteen lanes of AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Zmm(pub(super) x86::__m512);

// SAFETY (all methods): AVX-512F is there, and pointers valid, by the contract of the trait.
#[cfg(target_arch = "x86_64")]
impl Vector for Zmm {
    const LANES: usize = 16;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        // SAFETY: see above; masked lanes are not touched.
        unsafe { Zmm(x86::_mm512_maskz_loadu_ps(mask16(n), from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { x86::_mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        // SAFETY: see above; masked lanes are not touched.
        unsafe { x86::_mm512_mask_storeu_ps(to, mask16(n), self.0) }
    }
    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: every x86-64 has it, and it reads nothing.
        unsafe { x86::_mm_prefetch::<{ x86::_MM_HINT_T0 }>(at.cast()) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_fmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_mul_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_add_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        // The second operand is returned when one is NaN.
        // SAFETY: see above.
        unsafe { Zmm(x86::_mm512_min_ps(high.0, x86::_mm512_max_ps(low.0, self.0))) }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask16(n: usize) -> u16 {
    if n >= 16 { u16::MAX } else { (1u16 << n) - 1 }
}
