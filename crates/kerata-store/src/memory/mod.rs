//! `MemoryStorage`: storage that lives as long as the process, for tests and for work without a disk.

pub(crate) mod tree;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use kerata_core::{Error, MemorySource, Result, Sink, SourceRef};

use crate::{Disk, DiskEntry, DiskFile, EntryKind, FolderLock, OnDisk, Rename};
use tree::{Change, FileTree, Node};

/// Storage in memory.
pub type MemoryStorage = OnDisk<MemoryDisk>;

impl MemoryStorage {
    /// Empty storage.
    pub fn new() -> Self {
        Self::on(MemoryDisk::new())
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

/// Files and folders in memory; clones share them.
#[derive(Clone)]
pub struct MemoryDisk(Arc<Mutex<State>>);

struct State {
    tree: FileTree,
    /// Paths that somebody writes.
    locked: HashSet<String>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::holding(FileTree::new())
    }

    /// A disk that holds this, all of it durable.
    pub(crate) fn holding(mut tree: FileTree) -> Self {
        tree.log.clear();
        Self(Arc::new(Mutex::new(State { tree, locked: HashSet::new() })))
    }

    /// A copy of everything, with the log of what was done.
    pub(crate) fn tree(&self) -> FileTree {
        self.state().tree.clone()
    }

    /// Every file by its path, also those being written.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().tree.contents()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDisk({} files)", self.state().tree.files.len())
    }
}

impl Disk for MemoryDisk {
    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        Ok(self.state().tree.node(path).map(|node| match node {
            Node::File(_) => EntryKind::File,
            Node::Folder(_) => EntryKind::Folder,
        }))
    }

    fn open(&self, path: &str) -> Result<SourceRef> {
        let state = self.state();
        let file = state.tree.file(path)?;
        Ok(MemorySource::shared(state.tree.files[file].clone()))
    }

    fn list(&self, folder: &str) -> Result<Vec<DiskEntry>> {
        self.state().tree.list(folder)
    }

    fn create(&self, path: &str, _expected_bytes: u64) -> Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let Node::File(file) = state.tree.make(path, EntryKind::File)? else {
            return Err(Error::internal("made a folder for a file"));
        };
        state.locked.insert(path.to_owned());
        let lock = Lock { disk: self.clone(), path: path.to_owned() };
        Ok(Box::new(MemoryFile { lock, file, len: 0 }))
    }

    fn make_folder(&self, path: &str) -> Result<()> {
        self.state().tree.make(path, EntryKind::Folder).map(drop)
    }

    fn lock_folder(&self, path: &str) -> Result<Box<dyn FolderLock>> {
        self.state().locked.insert(path.to_owned());
        Ok(Box::new(Lock { disk: self.clone(), path: path.to_owned() }))
    }

    fn remove_abandoned(&self, path: &str) -> Result<bool> {
        let mut state = self.state();
        if state.locked.contains(path) {
            return Ok(false);
        }
        match state.tree.node(path) {
            Some(Node::File(_)) => state.tree.remove(path, EntryKind::File)?,
            Some(Node::Folder(_)) => remove_all(&mut state.tree, path)?,
            None => {}
        }
        Ok(true)
    }

    fn rename(&self, from: &str, to: &str, how: Rename) -> Result<()> {
        self.state().tree.rename(from, to, how)
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        self.state().tree.remove(path, EntryKind::File)
    }

    fn remove_folder(&self, path: &str) -> Result<()> {
        self.state().tree.remove(path, EntryKind::Folder)
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        let mut state = self.state();
        let folder = state.tree.folder(folder)?;
        state.tree.change(Change::SyncFolder { folder });
        Ok(())
    }
}

fn remove_all(tree: &mut FileTree, path: &str) -> Result<()> {
    for entry in tree.list(path)? {
        let path = crate::name::join(path, &entry.name);
        match entry.kind {
            EntryKind::File => tree.remove(&path, EntryKind::File)?,
            EntryKind::Folder => remove_all(tree, &path)?,
        }
    }
    tree.remove(path, EntryKind::Folder)
}

/// Says that a path is being written.
struct Lock {
    disk: MemoryDisk,
    path: String,
}

impl FolderLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.path);
    }
}

struct MemoryFile {
    lock: Lock,
    file: usize,
    len: usize,
}

impl MemoryFile {
    fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        let change = Change::Write { file: self.file, offset, bytes: bytes.to_vec() };
        self.lock.disk.state().tree.change(change);
    }
}

impl Sink for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.len, bytes);
        self.len += bytes.len();
        Ok(())
    }

    fn position(&self) -> u64 {
        self.len as u64
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if start.checked_add(bytes.len()).is_none_or(|end| end > self.len) {
            return Err(Error::internal("patch past the end of what was written"));
        }
        self.write_at(start, bytes);
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn sync(&mut self) -> Result<()> {
        self.lock.disk.state().tree.change(Change::SyncFile { file: self.file });
        Ok(())
    }
}
