//! `Data`: the bytes of a variable or an asset, held, mapped or decoded when asked for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::source::{SourceRef, past_end};
use crate::{Error, Result};

/// Bytes handed over at a time by [`Data::stream`].
const BLOCK_BYTES: u64 = 4 << 20;

/// Bytes that are decoded when they are asked for (a compressed dataset, a packed tensor).
pub trait LazyBytes: Send + Sync + fmt::Debug {
    /// Length after decoding.
    fn len(&self) -> u64;

    /// Decodes everything.
    fn read(&self) -> Result<Vec<u8>>;

    /// The decoded bytes where they lie in memory already, found sound.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Hands all decoded bytes over in order, in blocks where that saves memory.
    fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        take(&self.read()?)
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Little-endian, C-ordered bytes of a tensor, or the plain bytes of an asset; cheap to clone.
#[derive(Clone)]
pub struct Data(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Arc<Vec<u8>>),
    Range { source: SourceRef, offset: u64, len: u64 },
    Lazy(Arc<dyn LazyBytes>),
    Strings(Arc<Vec<Vec<u8>>>),
}

impl Data {
    /// Bytes in memory.
    pub fn owned(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Repr::Owned(Arc::new(bytes.into())))
    }

    /// A range of a source, checked against its length now and read when asked for.
    pub fn range(source: SourceRef, offset: u64, len: u64) -> Result<Self> {
        if offset.checked_add(len).is_none_or(|end| end > source.len()) {
            return Err(past_end(offset, len, source.len()));
        }
        Ok(Self(Repr::Range { source, offset, len }))
    }

    /// Bytes decoded when asked for.
    pub fn lazy(bytes: Arc<dyn LazyBytes>) -> Self {
        Self(Repr::Lazy(bytes))
    }

    /// The elements of a string tensor.
    pub fn strings(elements: Vec<Vec<u8>>) -> Self {
        Self(Repr::Strings(Arc::new(elements)))
    }

    /// Length in bytes; for strings, the sum of their lengths.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Repr::Owned(bytes) => bytes.len() as u64,
            Repr::Range { len, .. } => *len,
            Repr::Lazy(lazy) => lazy.len(),
            Repr::Strings(elements) => elements.iter().map(|element| element.len() as u64).sum(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes: borrowed where they lie in memory, else read or decoded.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        match &self.0 {
            Repr::Owned(bytes) => Ok(Cow::Borrowed(bytes)),
            Repr::Range { source, offset, len } => match self.as_slice() {
                Some(slice) => Ok(Cow::Borrowed(slice)),
                None => source.read_vec(*offset, *len).map(Cow::Owned),
            },
            Repr::Lazy(lazy) => match lazy.as_slice() {
                Some(slice) => Ok(Cow::Borrowed(slice)),
                None => lazy.read().map(Cow::Owned),
            },
            Repr::Strings(_) => Err(Error::unsupported("a string tensor has no plain bytes")),
        }
    }

    /// The bytes where they lie in memory already.
    pub fn as_slice(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Owned(bytes) => Some(bytes),
            Repr::Range { source, offset, len } => {
                let start = usize::try_from(*offset).ok()?;
                let len = usize::try_from(*len).ok()?;
                source.as_slice()?.get(start..start.checked_add(len)?)
            }
            Repr::Lazy(lazy) => lazy.as_slice(),
            Repr::Strings(_) => None,
        }
    }

    /// The elements of a string tensor.
    pub fn as_strings(&self) -> Option<&[Vec<u8>]> {
        match &self.0 {
            Repr::Strings(elements) => Some(elements),
            _ => None,
        }
    }

    /// Where the bytes lie: source, offset, length; `None` when they are held or decoded.
    pub fn as_range(&self) -> Option<(&SourceRef, u64, u64)> {
        match &self.0 {
            Repr::Range { source, offset, len } => Some((source, *offset, *len)),
            _ => None,
        }
    }

    /// Whether these are the very bytes of another, not only equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Owned(a), Repr::Owned(b)) => Arc::ptr_eq(a, b),
            (
                Repr::Range { source: a, offset, len },
                Repr::Range { source: b, offset: other_offset, len: other_len },
            ) => offset == other_offset && len == other_len && Arc::ptr_eq(a, b),
            (Repr::Lazy(a), Repr::Lazy(b)) => Arc::ptr_eq(a, b),
            (Repr::Strings(a), Repr::Strings(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Hands all bytes over in order, in blocks of a few MiB, without holding them all when they lie in a source.
    pub fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (source, offset, len) = match &self.0 {
            Repr::Range { source, offset, len } => (source, offset, len),
            Repr::Lazy(lazy) => return lazy.stream(take),
            Repr::Owned(_) | Repr::Strings(_) => return take(&self.bytes()?),
        };
        if let Some(slice) = self.as_slice() {
            let mut done = *offset;
            return slice.chunks(BLOCK_BYTES as usize).try_for_each(|part| {
                take(part)?;
                source.forget(done, part.len() as u64);
                done += part.len() as u64;
                Ok(())
            });
        }
        let mut block = vec![0; BLOCK_BYTES.min(*len) as usize];
        let mut done = 0;
        while done < *len {
            let size = BLOCK_BYTES.min(*len - done) as usize;
            let part = block.get_mut(..size).ok_or_else(|| Error::internal("block size"))?;
            source.read_at(*offset + done, part)?;
            take(part)?;
            done += size as u64;
        }
        Ok(())
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Owned(_) => write!(f, "Data({} bytes)", self.len()),
            Repr::Range { offset, .. } => write!(f, "Data({} bytes at {offset})", self.len()),
            Repr::Lazy(_) => write!(f, "Data({} bytes, decoded on demand)", self.len()),
            Repr::Strings(elements) => write!(f, "Data({} strings)", elements.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemorySource;

    #[test]
    fn a_range_is_checked_when_made_and_borrowed_when_mapped() {
        let source = MemorySource::shared(vec![1, 2, 3, 4]);
        assert!(Data::range(source.clone(), 3, 2).is_err());
        let data = Data::range(source, 1, 2).unwrap();
        assert!(matches!(data.bytes().unwrap(), Cow::Borrowed([2, 3])));
    }

    #[test]
    fn streaming_gives_every_byte_once() {
        let bytes: Vec<u8> = (0..9_000_000u32).map(|i| i as u8).collect();
        let data = Data::range(MemorySource::shared(bytes.clone()), 0, bytes.len() as u64).unwrap();
        let mut seen = Vec::new();
        data.stream(&mut |part| {
            seen.extend_from_slice(part);
            Ok(())
        })
        .unwrap();
        assert!(seen == bytes);
    }
}
