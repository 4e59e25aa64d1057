//! A new file: bytes are gathered in two aligned blocks; while one fills, a helper thread writes the other, past the
//! page cache where the file system can.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use kerata_core::{Error, Result, Sink};
#[cfg(target_os = "linux")]
use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::DiskFile;

/// Bytes of one block; two are in use.
const BLOCK_BYTES: usize = 4 << 20;
/// What O_DIRECT wants addresses, offsets and lengths to be a multiple of.
const ALIGN_BYTES: usize = 4096;
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
    helper: Option<Helper>,
}

impl LocalFile {
    pub(super) fn new(file: File, expected_bytes: u64) -> Result<Self> {
        let mut new = Self {
            file: Arc::new(file),
            block: Block::default(),
            flushed: 0,
            allocated: 0,
            patches: Vec::new(),
            helper: None,
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

    /// Hands the full block to the helper and takes the other one.
    fn flush_block(&mut self) -> Result<()> {
        let end = self.flushed + BLOCK_BYTES as u64;
        if end > self.allocated && self.allocated > 0 {
            // Taking more than is needed must not fail the save; writing says when the disk is full.
            let _ = self.allocate(end + AHEAD_BYTES.max(self.allocated / 2));
        } else if self.flushed == 0 && self.allocated == 0 {
            let _ = self.allocate(AHEAD_BYTES);
        }
        if self.helper.is_none() {
            self.helper = Helper::start(self.file.clone());
        }
        match &mut self.helper {
            Some(helper) => self.block = helper.exchange(std::mem::take(&mut self.block), self.flushed)?,
            None => {
                self.file.write_all_at(self.block.filled(), self.flushed).map_err(write_failed)?;
                self.block.len = 0;
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
            if self.block.len == BLOCK_BYTES {
                self.flush_block()?;
            }
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.flushed + self.block.len as u64
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
        if let Some(helper) = self.helper.take() {
            helper.finish()?;
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

/// Bytes at an aligned address.
#[derive(Default)]
struct Block {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl Block {
    /// Takes what fits and gives back the rest.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.memory.is_empty() {
            self.memory = vec![0; BLOCK_BYTES + ALIGN_BYTES];
            self.start = self.memory.as_ptr().align_offset(ALIGN_BYTES).min(ALIGN_BYTES);
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.len));
        let at = self.start + self.len;
        self.memory[at..at + taken.len()].copy_from_slice(taken);
        self.len += taken.len();
        rest
    }

    fn patch(&mut self, offset: usize, bytes: &[u8]) {
        let at = self.start + offset;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn filled(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

/// A thread that writes full blocks and gives them back empty.
struct Helper {
    full: Sender<(Block, u64)>,
    empty: Receiver<Result<Block>>,
    thread: JoinHandle<()>,
}

impl Helper {
    /// `None` when the system gives no thread.
    fn start(file: Arc<File>) -> Option<Self> {
        let (full, full_out) = channel::<(Block, u64)>();
        let (empty_in, empty) = channel();
        // The second block; the first one comes with the first exchange.
        empty_in.send(Ok(Block::default())).ok()?;
        let work = move || {
            let mut is_direct = bypass_cache(&file, true);
            for (mut block, offset) in full_out {
                let mut written = file.write_all_at(block.filled(), offset);
                let is_refused =
                    |error: &std::io::Error| error.raw_os_error() == Some(Errno::INVAL.raw_os_error());
                if is_direct && written.as_ref().is_err_and(is_refused) {
                    is_direct = bypass_cache(&file, false);
                    written = file.write_all_at(block.filled(), offset);
                }
                block.len = 0;
                if empty_in.send(written.map(|()| block).map_err(write_failed)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("kerata-write".into()).spawn(work).ok()?;
        Some(Self { full, empty, thread })
    }

    fn exchange(&mut self, full: Block, offset: u64) -> Result<Block> {
        let stopped = || Error::internal("the writing thread stopped");
        self.full.send((full, offset)).map_err(|_| stopped())?;
        self.empty.recv().map_err(|_| stopped())?
    }

    fn finish(self) -> Result<()> {
        drop(self.full);
        let written = self.empty.iter().try_for_each(|block| block.map(drop));
        self.thread.join().map_err(|_| Error::internal("the writing thread stopped"))?;
        written
    }
}

/// Switches writing past the page cache; says whether it is on.
#[cfg(target_os = "linux")]
fn bypass_cache(file: &File, on: bool) -> bool {
    let Ok(mut flags) = fcntl_getfl(file) else {
        return false;
    };
    if flags.contains(OFlags::DIRECT) != on {
        flags.set(OFlags::DIRECT, on);
        return fcntl_setfl(file, flags).is_ok() && on;
    }
    on
}

#[cfg(not(target_os = "linux"))]
fn bypass_cache(_file: &File, _on: bool) -> bool {
    false
}

fn write_failed(error: std::io::Error) -> Error {
    Error::io("write the file", &error)
}

fn failed(doing: &str, error: Errno) -> Error {
    Error::io(doing, &error.into())
}
