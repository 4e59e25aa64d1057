//! `Disk`: the few primitive steps that publishing is made of; each may fail, and power may go between any two.

use std::fmt;

use kerata_core::{Result, Sink, SourceRef};

/// What a file system can do. Paths are relative to the disk's root, parts joined by `/`, `""` is the root.
pub trait Disk: Send + Sync + fmt::Debug {
    /// What stands at a path.
    fn kind(&self, path: &str) -> Result<Option<EntryKind>>;

    /// Opens a file.
    fn open(&self, path: &str) -> Result<SourceRef>;

    /// What a folder holds, in any order.
    fn list(&self, folder: &str) -> Result<Vec<DiskEntry>>;

    /// Makes a new file and locks it as long as it is open; a path that is taken is an error.
    fn create(&self, path: &str, expected_bytes: u64) -> Result<Box<dyn DiskFile>>;

    /// Makes a new folder.
    fn make_folder(&self, path: &str) -> Result<()>;

    /// Locks a folder against [`remove_abandoned`](Self::remove_abandoned).
    fn lock_folder(&self, path: &str) -> Result<Box<dyn FolderLock>>;

    /// Whether nobody holds the lock of a temporary file or folder; it is removed with all it holds then.
    fn remove_abandoned(&self, path: &str) -> Result<bool>;

    /// Gives another name, atomically.
    fn rename(&self, from: &str, to: &str, how: Rename) -> Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &str) -> Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, path: &str) -> Result<()>;

    /// Makes the entries of a folder durable.
    fn sync_folder(&self, folder: &str) -> Result<()>;

    /// Gives `new` the owner and mode of `old`, as far as the system allows.
    fn keep_attributes(&self, old: &str, new: &str) -> Result<()> {
        let _ = (old, new);
        Ok(())
    }

    /// Follows a link that stands at a path.
    fn resolve(&self, path: &str) -> Result<String> {
        Ok(path.to_owned())
    }
}

/// A new file.
pub trait DiskFile: Sink {
    /// Makes everything written durable.
    fn sync(&mut self) -> Result<()>;
}

/// A folder that is being written; dropping it gives the lock back.
pub trait FolderLock: Send {}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file (or a link to one).
    File,
    /// A folder.
    Folder,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskEntry {
    /// Its name without the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Length of a file.
    pub bytes: u64,
}

/// How a rename treats its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// A file there is replaced.
    Replace,
    /// A target that is there is an error.
    NoReplace,
    /// The two change places; [`ErrorKind::Unsupported`](kerata_core::ErrorKind::Unsupported) where the system cannot.
    Exchange,
}
