//! `Arena`: one large piece of fresh memory that many tensors are read into.
//!
//! The system gives it in huge pages where it can: taking a gigabyte in pages of 4 KiB costs more than reading it.

use std::fmt;
use std::sync::Arc;

use kerata_core::source::past_end;
use kerata_core::{Error, ErrorKind, Result, Source, SourceRef};
use memmap2::MmapMut;

/// Memory that is filled once and then shared as a source.
pub struct Arena(MmapMut);

impl Arena {
    /// Takes so many bytes, all zero; memory that the system does not have is [`ErrorKind::LimitExceeded`].
    pub fn new(bytes: u64) -> Result<Self> {
        let refused = || {
            Error::new(ErrorKind::LimitExceeded, format!("the system gives no {bytes} bytes of memory"))
                .hint("open the model instead: its tensors then stay in the file until they are asked for")
        };
        // A map of no bytes is refused by the system.
        let size = usize::try_from(bytes).map_err(|_| refused())?.max(1);
        let map = MmapMut::map_anon(size).map_err(|_| refused())?;
        #[cfg(target_os = "linux")]
        // Systems without huge pages give small ones.
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self(map))
    }

    /// All bytes, to be filled.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The bytes as a source, from now on unchanged.
    pub fn freeze(self) -> SourceRef {
        Arc::new(Frozen(self.0))
    }
}

struct Frozen(MmapMut);

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} bytes)", self.0.len())
    }
}

impl Source for Frozen {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.0.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| past_end(offset, buffer.len() as u64, self.len()))?;
        buffer.copy_from_slice(part);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_read_back() {
        let mut arena = Arena::new(5).unwrap();
        arena.bytes_mut().copy_from_slice(&[1, 2, 3, 4, 5]);
        let source = arena.freeze();
        assert_eq!(source.read_vec(1, 3).unwrap(), [2, 3, 4]);
        assert!(source.read_vec(3, 3).is_err());
    }

    #[test]
    fn more_memory_than_there_is_is_refused() {
        assert_eq!(Arena::new(1 << 60).err().unwrap().kind(), ErrorKind::LimitExceeded);
    }
}
