//! Files mapped into memory: the one place of this crate with `unsafe`.
#![allow(unsafe_code)]

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::IoSliceMut;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use kerata_core::source::past_end;
use kerata_core::{Error, MemorySource, Result, Source, SourceRef};
use memmap2::{Mmap, UncheckedAdvice};
use rustix::fs::OFlags;
#[cfg(target_os = "linux")]
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, preadv};

/// Parts that one reading fills.
const MAX_PARTS: usize = 1024;
/// Bytes that are announced at a time.
const EXPECT_BYTES: u64 = 512 << 10;

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<SourceRef> {
    // Opening a pipe must not wait for its other end.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    map(file.map_err(|error| Error::io("open the file", &error))?)
}

/// Maps an open file.
pub(super) fn map(file: File) -> Result<SourceRef> {
    let found = file.metadata().map_err(|error| Error::io("look at the file", &error))?;
    if found.is_dir() {
        return Err(Error::usage("expected a file, found a folder"));
    }
    if !found.is_file() {
        return Err(Error::unsupported("this is no regular file").hint("copy it to a file first"));
    }
    if found.len() == 0 {
        return Ok(MemorySource::shared(Vec::new()));
    }
    // SAFETY: the map is read only, and kerata never changes a file in place: a save makes a new file and renames it,
    // and the old one lives on while it is mapped. Another program that cuts the file meanwhile can end this process
    // with SIGBUS, and one that rewrites it can change what is read; every reader treats what it reads as untrusted and
    // checks a value after copying it out.
    let map = unsafe { Mmap::map(&file) }.map_err(|error| Error::io("map the file", &error))?;
    Ok(Arc::new(MappedFile { map, file }))
}

struct MappedFile {
    map: Mmap,
    file: File,
}

impl fmt::Debug for MappedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MappedFile({} bytes)", self.map.len())
    }
}

impl MappedFile {
    fn check_range(&self, offset: u64, len: u64) -> Result<()> {
        match offset.checked_add(len).is_some_and(|end| end <= self.len()) {
            true => Ok(()),
            false => Err(past_end(offset, len, self.len())),
        }
    }
}

impl Source for MappedFile {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// Reads through the file: copying from fresh pages of a map costs a fault each, and may bring much that is around.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.check_range(offset, buffer.len() as u64)?;
        self.file.read_exact_at(buffer, offset).map_err(|error| Error::io("read the file", &error))
    }

    fn read_parts_at(&self, offset: u64, parts: &mut [&mut [u8]]) -> Result<()> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        self.check_range(offset, len)?;
        let mut parts: Vec<IoSliceMut<'_>> = parts.iter_mut().map(|part| IoSliceMut::new(part)).collect();
        let (mut parts, mut position) = (parts.as_mut_slice(), offset);
        while parts.iter().any(|part| !part.is_empty()) {
            let count = parts.len().min(MAX_PARTS);
            let some = parts.get_mut(..count).unwrap_or_default();
            match preadv(&self.file, some, position) {
                Ok(0) => return Err(past_end(offset, len, position)),
                Ok(read) => {
                    position += read as u64;
                    IoSliceMut::advance_slices(&mut parts, read);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(Error::io("read the file", &error.into())),
            }
        }
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.map)
    }

    fn expect(&self, offset: u64, len: u64) {
        // Linux begins with no more than it would read ahead, whatever is asked.
        let end = offset.saturating_add(len).min(self.len());
        let mut start = offset;
        while start < end {
            let size = EXPECT_BYTES.min(end - start);
            // Where there is no such thing, reading is as slow as ever.
            #[cfg(target_os = "linux")]
            let _ = fadvise(&self.file, start, NonZeroU64::new(size), Advice::WillNeed);
            start += size;
        }
    }

    fn forget(&self, offset: u64, len: u64) {
        let (Ok(offset), Ok(len)) = (usize::try_from(offset), usize::try_from(len)) else {
            return;
        };
        if offset.checked_add(len).is_some_and(|end| end <= self.map.len()) {
            // SAFETY: the map is shared and read only, so dropped pages come back from the file with the same bytes.
            let _ = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, len) };
        }
    }
}
