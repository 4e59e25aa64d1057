//! `Source` and `Sink`: bytes that can be read at any place, and bytes that are written in one pass.

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// A shared source.
pub type SourceRef = Arc<dyn Source>;

/// Bytes at rest that can be read at any offset, from several threads at once.
pub trait Source: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills `buffer` from `offset`; reading past the end is [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Fills several buffers, one after the other, from `offset` on.
    fn read_parts_at(&self, offset: u64, parts: &mut [&mut [u8]]) -> Result<()> {
        let mut position = offset;
        for part in parts {
            self.read_at(position, part)?;
            position += part.len() as u64;
        }
        Ok(())
    }

    /// All bytes where they lie in memory already (a mapped file, a buffer).
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Says that a range will be read soon, so that a disk may begin to bring it.
    fn expect(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Says that a range will not be read again soon, so that its pages need not stay in memory.
    fn forget(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads `len` bytes from `offset`; never allocates more than the source holds.
    fn read_vec(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len());
        let (Some(_), Ok(size)) = (end, usize::try_from(len)) else {
            return Err(past_end(offset, len, self.len()));
        };
        let mut bytes = vec![0; size];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }
}

/// The error of a read past the end of a source.
pub fn past_end(offset: u64, len: u64, source_len: u64) -> Error {
    Error::corrupt(format!("{len} bytes at offset {offset} are past the end of {source_len} bytes"))
        .hint("the file was cut short or edited")
}

/// A source held in memory.
pub struct MemorySource(Vec<u8>);

impl MemorySource {
    /// A shared source of these bytes.
    pub fn shared(bytes: Vec<u8>) -> SourceRef {
        Arc::new(Self(bytes))
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemorySource({} bytes)", self.0.len())
    }
}

impl Source for MemorySource {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.0.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| past_end(offset, buffer.len() as u64, self.len()))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// A part of a source, itself a source (a stored zip member, say).
#[derive(Debug)]
pub struct SubSource {
    inner: SourceRef,
    offset: u64,
    len: u64,
}

impl SubSource {
    /// The `len` bytes from `offset` of `inner`.
    pub fn shared(inner: SourceRef, offset: u64, len: u64) -> Result<SourceRef> {
        let fits = offset.checked_add(len).is_some_and(|end| end <= inner.len());
        if !fits {
            return Err(past_end(offset, len, inner.len()));
        }
        Ok(Arc::new(Self { inner, offset, len }))
    }
}

impl Source for SubSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let len = buffer.len() as u64;
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(past_end(offset, len, self.len));
        }
        self.inner.read_at(self.offset + offset, buffer)
    }

    fn read_parts_at(&self, offset: u64, parts: &mut [&mut [u8]]) -> Result<()> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(past_end(offset, len, self.len));
        }
        self.inner.read_parts_at(self.offset + offset, parts)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        let start = usize::try_from(self.offset).ok()?;
        let len = usize::try_from(self.len).ok()?;
        self.inner.as_slice()?.get(start..start.checked_add(len)?)
    }

    fn expect(&self, offset: u64, len: u64) {
        let offset = offset.min(self.len);
        self.inner.expect(self.offset + offset, len.min(self.len - offset));
    }

    fn forget(&self, offset: u64, len: u64) {
        let offset = offset.min(self.len);
        self.inner.forget(self.offset + offset, len.min(self.len - offset));
    }
}

/// Named sources below one root: a folder on disk, a prefix of a bucket, a map in memory.
pub trait Folder: Send + Sync + fmt::Debug {
    /// Opens the file of this name, relative to the root, parts joined by `/`; names that leave the root are refused.
    fn open(&self, name: &str) -> Result<SourceRef>;

    /// Names of all files below the root, sorted, parts joined by `/`.
    fn names(&self) -> Result<Vec<String>>;
}

/// Named sinks below one root, published together when the writer is done.
pub trait FolderSink {
    /// Starts the file of this name (relative, parts joined by `/`); one file is written at a time.
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>>;
}

/// Takes bytes in order; a few earlier bytes (a checksum in a header) may be patched.
///
/// Nothing is visible to others until the storage publishes it.
pub trait Sink: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Bytes appended so far.
    fn position(&self) -> u64;

    /// Overwrites bytes that were appended before.
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.len() as u64
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let target = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get_mut(start..start.checked_add(bytes.len())?))
            .ok_or_else(|| Error::internal("patch past the end of what was written"))?;
        target.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn reading_past_the_end_is_corrupt_and_allocates_nothing() {
        let source = MemorySource::shared(vec![1, 2, 3]);
        assert_eq!(source.read_vec(1, 2).unwrap(), [2, 3]);
        assert_eq!(source.read_vec(1, u64::MAX - 1).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(source.read_vec(2, 1 << 50).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_part_cannot_see_its_neighbours() {
        let part = SubSource::shared(MemorySource::shared(vec![1, 2, 3, 4]), 1, 2).unwrap();
        assert_eq!(part.as_slice(), Some(&[2, 3][..]));
        assert!(part.read_vec(1, 2).is_err());
    }

    #[test]
    fn parts_are_filled_one_after_the_other() {
        let part = SubSource::shared(MemorySource::shared(vec![1, 2, 3, 4, 5]), 1, 3).unwrap();
        let (mut a, mut b) = ([0; 1], [0; 2]);
        part.read_parts_at(0, &mut [&mut a, &mut b]).unwrap();
        assert_eq!((a, b), ([2], [3, 4]));
        assert!(part.read_parts_at(1, &mut [&mut a, &mut b]).is_err());
    }
}
