//! Tensor bytes inside a shard: verified when they are first read, borrowed where they are mapped.

use std::sync::OnceLock;

use kerata_core::data::LazyBytes;
use kerata_core::{Data, Error, Result, SourceRef};

use crate::containers::table::mask_crc;

/// The bytes of one numeric tensor.
#[derive(Debug)]
pub struct CheckedRange {
    stored: Data,
    crc: u32,
    place: String,
    /// Whether the checksum was found right; unset until somebody reads.
    sound: OnceLock<bool>,
}

impl CheckedRange {
    pub fn new(source: SourceRef, offset: u64, len: u64, crc: u32, place: String) -> Result<Self> {
        Ok(Self { stored: Data::range(source, offset, len)?, crc, place, sound: OnceLock::new() })
    }

    fn verify(&self, crc: u32) -> Result<()> {
        if *self.sound.get_or_init(|| mask_crc(crc) == self.crc) {
            return Ok(());
        }
        Err(Error::corrupt("the checksum of a tensor is wrong")
            .at(self.place.clone())
            .hint("the file was damaged"))
    }
}

impl LazyBytes for CheckedRange {
    fn len(&self) -> u64 {
        self.stored.len()
    }

    fn read(&self) -> Result<Vec<u8>> {
        let bytes = self.stored.bytes()?.into_owned();
        self.verify(crc32c::crc32c(&bytes))?;
        Ok(bytes)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        let bytes = self.stored.as_slice()?;
        let sound = self.sound.get_or_init(|| mask_crc(crc32c::crc32c(bytes)) == self.crc);
        sound.then_some(bytes)
    }

    fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut crc = 0;
        self.stored.stream(&mut |part| {
            crc = crc32c::crc32c_append(crc, part);
            take(part)
        })?;
        self.verify(crc)
    }
}

/// Bytes of another order than ours, turned when they are read.
#[derive(Debug)]
pub struct Swapped {
    pub stored: CheckedRange,
    /// Bytes of one number (half an element of a complex tensor).
    pub width: usize,
}

impl LazyBytes for Swapped {
    fn len(&self) -> u64 {
        self.stored.len()
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = self.stored.read()?;
        bytes.chunks_exact_mut(self.width.max(1)).for_each(<[u8]>::reverse);
        Ok(bytes)
    }
}
