//! `Isa`: the instruction set a kernel runs with, chosen once; and `by_isa!`, which compiles one body for each.
//!
//! Every path computes with the same operations in the same order (a fused multiply-add everywhere), so results
//! have the same bits on all of them. A machine without FMA (x86 before 2013) computes it in software, slowly.

use std::sync::OnceLock;

/// Proof that the running machine has an instruction set; only detection makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cpu) enum Level {
    /// Whatever the target has; vectors of 8 lanes left to the compiler.
    Portable,
    /// AVX2 and FMA: 16 registers of 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ, VL: 32 registers of 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The widest instruction set of this machine.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| *Isa::available().last().expect("portable is always there"))
    }

    /// All instruction sets of this machine, narrowest first; for tests and comparisons.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)]
        let mut found = vec![Isa(Level::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 {
                found.push(Isa(Level::Avx2));
            }
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                found.push(Isa(Level::Avx512));
            }
        }
        found
    }

    pub(in crate::cpu) fn level(self) -> Level {
        self.0
    }
}

/// Defines a function whose body is compiled once for each instruction set; callers pass an [`Isa`] first.
macro_rules! by_isa {
    ($(#[$attribute:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::cpu::kernels::isa::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                body($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                body($($arg),*)
            }
            match isa.level() {
                // SAFETY: an `Isa` of this level exists only where detection found the features.
                #[cfg(target_arch = "x86_64")]
                $crate::cpu::kernels::isa::Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::cpu::kernels::isa::Level::Avx2 => unsafe { avx2($($arg),*) },
                $crate::cpu::kernels::isa::Level::Portable => body($($arg),*),
            }
        }
    };
}
pub(in crate::cpu) use by_isa;

/// Defines `$name(isa, rows, vectors)`, the compiled tile of so many rows and vectors, from the body
/// `unsafe fn $body<V: Vector, const ROWS: usize, const VECTORS: usize>(args: &$args)`. Tiles are as high for panels of 1, 2,
/// ... vectors as the lists of rows say.
macro_rules! tiles_by_isa {
    ($(#[$attribute:meta])* $vis:vis fn $name:ident = $body:ident(&$args:ty)
        avx512: $([$($wide:literal)+; $wide_vectors:literal])+
        avx2: $([$($middle:literal)+; $middle_vectors:literal])+
        portable: $([$($plain:literal)+; $plain_vectors:literal])+
    ) => {
        $(#[$attribute])*
        $vis fn $name(
            isa: $crate::cpu::kernels::isa::Isa,
            rows: usize,
            vectors: usize,
        ) -> unsafe fn(&$args) {
            use $crate::cpu::kernels::isa::Level;
            #[cfg(target_arch = "x86_64")]
            use $crate::cpu::kernels::vector::{Ymm, Zmm};
            type Tile = unsafe fn(&$args);
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512<const ROWS: usize, const VECTORS: usize>(args: &$args) {
                // SAFETY: the features are enabled, the pointers as promised.
                unsafe { $body::<Zmm, ROWS, VECTORS>(args) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<const ROWS: usize, const VECTORS: usize>(args: &$args) {
                // SAFETY: the features are enabled, the pointers as promised.
                unsafe { $body::<Ymm, ROWS, VECTORS>(args) }
            }
            unsafe fn portable<const ROWS: usize, const VECTORS: usize>(args: &$args) {
                // SAFETY: the pointers are as promised.
                unsafe { $body::<$crate::cpu::kernels::vector::Lanes, ROWS, VECTORS>(args) }
            }
            let tiles: &[&[Tile]] = match isa.level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => const { &[$(&[$(avx512::<$wide, $wide_vectors>),+]),+] },
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => const { &[$(&[$(avx2::<$middle, $middle_vectors>),+]),+] },
                Level::Portable => const { &[$(&[$(portable::<$plain, $plain_vectors>),+]),+] },
            };
            tiles[vectors - 1][rows - 1]
        }
    };
}
pub(in crate::cpu) use tiles_by_isa;
