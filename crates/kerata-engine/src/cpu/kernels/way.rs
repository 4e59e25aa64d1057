//! `Way`: how a processor multiplies and adds whole numbers of 8 bits.

#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

use super::isa::{Isa, Level};

/// How whole numbers are multiplied: proof that the running machine has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(Kind);

/// The instructions that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cpu) enum Kind {
    /// One by one, in plain Rust.
    Portable,
    /// Pairs of 16 bits in AVX2.
    #[cfg(target_arch = "x86_64")]
    Pairs8,
    /// Four bytes at once in AVX2 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Dot8,
    /// Pairs of 16 bits in AVX-512.
    #[cfg(target_arch = "x86_64")]
    Pairs16,
    /// Four bytes at once in AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Dot16,
}

impl Way {
    /// The fastest way with an instruction set.
    pub fn of(isa: Isa) -> Way {
        Way(match isa.level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if has_dot16() => Kind::Dot16,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Kind::Pairs16,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if has_dot8() => Kind::Dot8,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Kind::Pairs8,
            Level::Portable => Kind::Portable,
        })
    }

    /// All ways of this machine.
    #[cfg(test)]
    pub fn available() -> Vec<Way> {
        let mut found = Vec::new();
        for isa in Isa::available() {
            match isa.level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => found.push(Way(Kind::Pairs8)),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => found.push(Way(Kind::Pairs16)),
                Level::Portable => {}
            }
            if !found.contains(&Way::of(isa)) {
                found.push(Way::of(isa));
            }
        }
        found
    }

    pub(in crate::cpu) fn kind(self) -> Kind {
        self.0
    }

    /// Lanes of a vector of floats.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Dot16 | Kind::Pairs16 => 16,
            #[cfg(target_arch = "x86_64")]
            Kind::Dot8 | Kind::Pairs8 => 8,
            Kind::Portable => 8,
        }
    }

    /// Whether rows are bytes with an offset added; else they are numbers of 16 bits.
    pub fn takes_bytes(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Dot8 | Kind::Dot16 => true,
            #[cfg(target_arch = "x86_64")]
            Kind::Pairs8 | Kind::Pairs16 => false,
            Kind::Portable => false,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_dot16() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| is_x86_feature_detected!("avx512vnni"))
}

#[cfg(target_arch = "x86_64")]
fn has_dot8() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| is_x86_feature_detected!("avxvnni"))
}
