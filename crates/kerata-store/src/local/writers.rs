//! Threads that write the full blocks of one file, several at a time: a disk that has more than one order at once is
//! faster.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use kerata_core::{Error, Result};
#[cfg(target_os = "linux")]
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::block::Block;

/// Threads at most. A thread is started when all the others are busy, so a fast disk is given fewer.
const THREADS: usize = 4;

/// Threads that write full blocks and give them back empty.
pub(super) struct Writers {
    full: Sender<(Block, u64)>,
    empty: Receiver<Result<Block>>,
    work: Work,
    threads: Vec<JoinHandle<()>>,
    /// Blocks that there are, here and with the caller: one more than threads in the end.
    blocks: usize,
}

/// What each of the threads holds.
#[derive(Clone)]
struct Work {
    file: Arc<File>,
    full: Arc<Mutex<Receiver<(Block, u64)>>>,
    empty: Sender<Result<Block>>,
}

impl Writers {
    /// `None` when the system gives no thread.
    pub fn start(file: Arc<File>) -> Option<Self> {
        let (full, full_out) = channel();
        let (empty_in, empty) = channel();
        bypass_cache(&file, true);
        let work = Work { file, full: Arc::new(Mutex::new(full_out)), empty: empty_in };
        let mut writers = Self { full, empty, work, threads: Vec::new(), blocks: 1 };
        writers.add_thread().then_some(writers)
    }

    /// Hands over a full block, which belongs at `offset`, and takes an empty one.
    ///
    /// # Errors
    ///
    /// Those of writing a block before.
    pub fn exchange(&mut self, full: Block, offset: u64) -> Result<Block> {
        self.full.send((full, offset)).map_err(|_| stopped())?;
        match self.empty.try_recv() {
            Ok(block) => block,
            Err(_) if self.blocks <= self.threads.len() || self.add_thread() => {
                self.blocks += 1;
                Ok(Block::default())
            }
            Err(_) => self.empty.recv().map_err(|_| stopped())?,
        }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    ///
    /// The first that occurred.
    pub fn finish(self) -> Result<()> {
        drop((self.full, self.work));
        let written = self.empty.iter().try_for_each(|block| block.map(drop));
        for thread in self.threads {
            thread.join().map_err(|_| stopped())?;
        }
        written
    }

    /// Whether there is a thread without a block of its own now.
    fn add_thread(&mut self) -> bool {
        if self.threads.len() == THREADS {
            return false;
        }
        let work = self.work.clone();
        let started = std::thread::Builder::new().name("kerata-write".into()).spawn(move || work.run());
        self.threads.extend(started.ok());
        self.blocks <= self.threads.len()
    }
}

impl Work {
    /// Writes blocks until no more come.
    fn run(self) {
        loop {
            let next = self.full.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((mut block, offset)) = next else { return };
            let written = self.write(&block, offset);
            block.clear();
            if self.empty.send(written.map(|()| block).map_err(write_failed)).is_err() {
                return;
            }
        }
    }

    fn write(&self, block: &Block, offset: u64) -> std::io::Result<()> {
        let written = self.file.write_all_at(block.filled(), offset);
        match &written {
            // The file system takes no writing past the page cache.
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                bypass_cache(&self.file, false);
                self.file.write_all_at(block.filled(), offset)
            }
            _ => written,
        }
    }
}

/// Switches writing past the page cache, where there is such a thing.
#[cfg(target_os = "linux")]
pub(super) fn bypass_cache(file: &File, on: bool) {
    if let Ok(mut flags) = fcntl_getfl(file)
        && flags.contains(OFlags::DIRECT) != on
    {
        flags.set(OFlags::DIRECT, on);
        // Where it cannot be, bytes go through the cache as ever.
        let _ = fcntl_setfl(file, flags);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bypass_cache(_file: &File, _on: bool) {}

pub(super) fn write_failed(error: std::io::Error) -> Error {
    Error::io("write the file", &error)
}

fn stopped() -> Error {
    Error::internal("the writing thread stopped")
}
