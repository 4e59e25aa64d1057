//! Files mapped into memory: the one place of this crate with `unsafe`.
#![allow(unsafe_code)]

use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use kerata_core::source::past_end;
use kerata_core::{Error, MemorySource, Result, Source, SourceRef};
use memmap2::{Mmap, UncheckedAdvice};
use rustix::fs::OFlags;

/// Reads from this size on go through the file: copying from fresh pages of a map costs a fault each.
const READ_FROM_BYTES: usize = 64 << 10;

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

impl Source for MappedFile {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.map.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| past_end(offset, buffer.len() as u64, self.len()))?;
        if buffer.len() >= READ_FROM_BYTES {
            return self
                .file
                .read_exact_at(buffer, offset)
                .map_err(|error| Error::io("read the file", &error));
        }
        buffer.copy_from_slice(part);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.map)
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
