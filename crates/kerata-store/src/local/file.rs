//! A new file: bytes are gathered in aligned blocks; while one fills, threads write the full ones, past the page cache
//! where the file system can.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use kerata_core::{Error, Result, Sink};
#[cfg(target_os = "linux")]
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::block::{BLOCK_BYTES, Block};
use super::writers::{Writers, bypass_cache, write_failed};
use crate::DiskFile;

/// Room taken ahead when the size is not known.
const AHEAD_BYTES: u64 = 64 << 20;

/// A file being written.
pub(super) struct LocalFile {
    file: Arc<File>,
    block: Block,
    /// Bytes before `block`.
    flushed: u64,
    /// Bytes that the file has room for, when room was taken.
    allocated: u64,
    patches: Vec<(u64, Vec<u8>)>,
    writers: Option<Writers>,
}

impl LocalFile {
    pub(super) fn new(file: File, expected_bytes: u64) -> Result<Self> {
        let mut new = Self {
            file: Arc::new(file),
            block: Block::default(),
            flushed: 0,
            allocated: 0,
            patches: Vec::new(),
            writers: None,
        };
        if expected_bytes >= BLOCK_BYTES as u64 {
            new.allocate(expected_bytes).map_err(|error| failed("take room for the file", error))?;
        }
        Ok(new)
    }

    /// Takes room up to `end`, where the file system can.
    #[cfg(target_os = "linux")]
    fn allocate(&mut self, end: u64) -> Result<(), Errno> {
        match fallocate(&*self.file, FallocateFlags::empty(), 0, end) {
            Ok(()) => self.allocated = end,
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn allocate(&mut self, _end: u64) -> Result<(), Errno> {
        Ok(())
    }

    /// Hands the full block to the writers and takes an empty one.
    fn flush_block(&mut self) -> Result<()> {
        let end = self.flushed + BLOCK_BYTES as u64;
        if end > self.allocated && self.allocated > 0 {
            // Taking more than is needed must not fail the save; writing says when the disk is full.
            let _ = self.allocate(end + AHEAD_BYTES.max(self.allocated / 2));
        } else if self.flushed == 0 && self.allocated == 0 {
            let _ = self.allocate(AHEAD_BYTES);
        }
        if self.writers.is_none() {
            self.writers = Writers::start(self.file.clone());
        }
        match &mut self.writers {
            Some(writers) => self.block = writers.exchange(std::mem::take(&mut self.block), self.flushed)?,
            None => {
                self.file.write_all_at(self.block.filled(), self.flushed).map_err(write_failed)?;
                self.block.clear();
            }
        }
        self.flushed = end;
        Ok(())
    }
}

impl Sink for LocalFile {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            bytes = self.block.fill(bytes);
            if self.block.len() == BLOCK_BYTES {
                self.flush_block()?;
            }
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.flushed + self.block.len() as u64
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.position()) {
            return Err(Error::internal("patch past the end of what was written"));
        }
        match offset.checked_sub(self.flushed) {
            Some(inside) => self.block.patch(inside as usize, bytes),
            // The block may be on its way to the disk; patches follow when all is written.
            None => self.patches.push((offset, bytes.to_vec())),
        }
        Ok(())
    }
}

impl DiskFile for LocalFile {
    fn sync(&mut self) -> Result<()> {
        if let Some(writers) = self.writers.take() {
            writers.finish()?;
        }
        bypass_cache(&self.file, false);
        self.file.write_all_at(self.block.filled(), self.flushed).map_err(write_failed)?;
        for (offset, bytes) in self.patches.drain(..) {
            self.file.write_all_at(&bytes, offset).map_err(write_failed)?;
        }
        let len = self.position();
        if self.allocated > len {
            self.file.set_len(len).map_err(|error| Error::io("cut the file to its length", &error))?;
        }
        self.file.sync_all().map_err(|error| Error::io("sync the file", &error))
    }
}

fn failed(doing: &str, error: Errno) -> Error {
    Error::io(doing, &error.into())
}
