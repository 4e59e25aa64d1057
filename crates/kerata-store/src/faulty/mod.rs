//! `FaultyStorage`: memory storage whose steps fail on demand, and what power loss could leave of it.

mod crash;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use kerata_core::{Error, ErrorKind, Result, Sink, SourceRef};

use crate::memory::MemoryDisk;
use crate::memory::tree::FileTree;
use crate::{Disk, DiskEntry, DiskFile, EntryKind, FolderLock, OnDisk, Rename};

/// Storage that fails on demand.
pub type FaultyStorage = OnDisk<FaultyDisk>;

impl FaultyStorage {
    /// Empty storage that fails as planned.
    pub fn new(plan: FaultPlan) -> Self {
        Self::on(FaultyDisk::new(plan))
    }
}

/// What shall go wrong.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FaultPlan {
    /// The step (from 0) that fails, once.
    pub fail_step: Option<usize>,
    /// Bytes that can be written until the disk is full; a write that does not fit is cut.
    pub room: Option<u64>,
    /// Whether [`Rename::Exchange`] is refused, as old systems do.
    pub no_exchange: bool,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The step of this number fails.
    pub fn fail_step(step: usize) -> Self {
        Self { fail_step: Some(step), ..Self::default() }
    }

    /// The disk is full after this many bytes.
    pub fn room(bytes: u64) -> Self {
        Self { room: Some(bytes), ..Self::default() }
    }

    /// The same without exchanging renames.
    #[must_use]
    pub fn without_exchange(mut self) -> Self {
        self.no_exchange = true;
        self
    }
}

/// A disk in memory that fails as planned; clones share it.
#[derive(Clone)]
pub struct FaultyDisk {
    memory: MemoryDisk,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug)]
struct Progress {
    plan: FaultPlan,
    steps: usize,
    written: u64,
    start: FileTree,
}

impl FaultyDisk {
    /// An empty disk.
    pub fn new(plan: FaultPlan) -> Self {
        Self::over(MemoryDisk::new(), plan)
    }

    /// A disk that starts with what `memory` holds, all of it durable.
    pub fn over(memory: MemoryDisk, plan: FaultPlan) -> Self {
        let start = memory.tree();
        let memory = MemoryDisk::holding(start.clone());
        Self { memory, progress: Arc::new(Mutex::new(Progress { plan, steps: 0, written: 0, start })) }
    }

    /// Steps that were tried so far.
    pub fn steps(&self) -> usize {
        self.progress().steps
    }

    /// Every file by its path.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.memory.contents()
    }

    /// The disk below, which does not fail.
    pub fn memory(&self) -> &MemoryDisk {
        &self.memory
    }

    /// Every state that a loss of power could leave, at any moment since the start; some may be equal.
    pub fn crash_states(&self) -> Vec<MemoryDisk> {
        crash::states(&self.progress().start, &self.memory.tree().log)
    }

    /// Every state that a loss of power could leave now.
    pub fn crash_states_now(&self) -> Vec<MemoryDisk> {
        crash::states_at_end(&self.progress().start, &self.memory.tree().log)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn step(&self) -> Result<()> {
        let mut progress = self.progress();
        let step = progress.steps;
        progress.steps += 1;
        if progress.plan.fail_step == Some(step) {
            return Err(Error::new(ErrorKind::Io, format!("step {step} fails as planned")));
        }
        Ok(())
    }

    /// How many of `wanted` bytes still fit.
    fn take_room(&self, wanted: u64) -> u64 {
        let mut progress = self.progress();
        let room = progress.plan.room.map_or(wanted, |room| room.saturating_sub(progress.written));
        let taken = wanted.min(room);
        progress.written += taken;
        taken
    }
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyDisk({:?})", self.progress().plan)
    }
}

impl Disk for FaultyDisk {
    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        self.step()?;
        self.memory.kind(path)
    }

    fn open(&self, path: &str) -> Result<SourceRef> {
        self.step()?;
        self.memory.open(path)
    }

    fn list(&self, folder: &str) -> Result<Vec<DiskEntry>> {
        self.step()?;
        self.memory.list(folder)
    }

    fn create(&self, path: &str, expected_bytes: u64) -> Result<Box<dyn DiskFile>> {
        self.step()?;
        let file = self.memory.create(path, expected_bytes)?;
        Ok(Box::new(FaultyFile { disk: self.clone(), file }))
    }

    fn make_folder(&self, path: &str) -> Result<()> {
        self.step()?;
        self.memory.make_folder(path)
    }

    fn lock_folder(&self, path: &str) -> Result<Box<dyn FolderLock>> {
        self.step()?;
        self.memory.lock_folder(path)
    }

    fn remove_abandoned(&self, path: &str) -> Result<bool> {
        self.step()?;
        self.memory.remove_abandoned(path)
    }

    fn rename(&self, from: &str, to: &str, how: Rename) -> Result<()> {
        self.step()?;
        if how == Rename::Exchange && self.progress().plan.no_exchange {
            return Err(Error::unsupported("this disk cannot exchange names"));
        }
        self.memory.rename(from, to, how)
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        self.step()?;
        self.memory.remove_file(path)
    }

    fn remove_folder(&self, path: &str) -> Result<()> {
        self.step()?;
        self.memory.remove_folder(path)
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        self.step()?;
        self.memory.sync_folder(folder)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    file: Box<dyn DiskFile>,
}

impl Sink for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.disk.step()?;
        let fitting = self.disk.take_room(bytes.len() as u64) as usize;
        self.file.write(&bytes[..fitting])?;
        if fitting < bytes.len() {
            return Err(Error::new(ErrorKind::Io, "the disk is full as planned"));
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.file.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.disk.step()?;
        self.file.patch(offset, bytes)
    }
}

impl DiskFile for FaultyFile {
    fn sync(&mut self) -> Result<()> {
        self.disk.step()?;
        self.file.sync()
    }
}
