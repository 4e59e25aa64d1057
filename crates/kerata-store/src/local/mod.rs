//! `LocalStorage`: files and folders of this machine.

mod block;
mod file;
mod folder;
mod mmap;
mod writers;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kerata_core::{Error, ErrorKind, Result, ResultExt, SourceRef};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use crate::{Disk, DiskEntry, DiskFile, EntryKind, FolderLock, OnDisk, Rename};

pub use folder::LocalFolder;

/// Times a new temporary is made again when somebody clears it away before it is locked.
const CREATE_TRIES: usize = 8;

/// Storage below a folder.
pub type LocalStorage = OnDisk<LocalDisk>;

impl LocalStorage {
    /// Storage below this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::on(LocalDisk { root: root.into() })
    }

    /// Storage of the folder that a path lies in, and the name of the path there. A link at the path is followed, so
    /// that what it points to is replaced and not the link.
    pub fn of(path: impl AsRef<Path>) -> Result<(Self, String)> {
        let path = path.as_ref();
        let shown = || path.display().to_string();
        let path = follow(path).at(shown)?;
        let name = path.file_name().ok_or_else(|| Error::usage("the path names no file")).at(shown)?;
        let name = name.to_str().ok_or_else(|| Error::usage("the file name is not UTF-8")).at(shown)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Self::new(parent.unwrap_or(Path::new("."))), name.to_owned()))
    }
}

/// Opens a file of any path, mapped into memory.
pub fn open(path: impl AsRef<Path>) -> Result<SourceRef> {
    let path = path.as_ref();
    mmap::open(path).at(|| path.display().to_string())
}

/// What a link at a path points to at last, also when that is not there; the path itself when it is no link.
fn follow(path: &Path) -> Result<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.file_type().is_symlink()) {
            return Ok(path);
        }
        let target = fs::read_link(&path).map_err(|error| Error::io("read a link", &error))?;
        path = path.parent().map_or(target.clone(), |parent| parent.join(&target));
    }
    Err(Error::new(ErrorKind::Io, "links point to links without end"))
}

/// The file system below a folder.
#[derive(Debug)]
pub struct LocalDisk {
    root: PathBuf,
}

impl LocalDisk {
    /// The folder that paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Disk for LocalDisk {
    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        match fs::metadata(self.path(path)) {
            Ok(found) if found.is_dir() => Ok(Some(EntryKind::Folder)),
            Ok(_) => Ok(Some(EntryKind::File)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look at the path", &error)),
        }
    }

    fn open(&self, path: &str) -> Result<SourceRef> {
        mmap::open(&self.path(path))
    }

    fn list(&self, folder: &str) -> Result<Vec<DiskEntry>> {
        let failed = |error: std::io::Error| Error::io("list the folder", &error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.path(folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Names that are not UTF-8 are none of ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            let kind = if is_folder { EntryKind::Folder } else { EntryKind::File };
            let bytes = if is_folder { 0 } else { fs::metadata(entry.path()).map_or(0, |found| found.len()) };
            entries.push(DiskEntry { name, kind, bytes });
        }
        Ok(entries)
    }

    fn create(&self, path: &str, expected_bytes: u64) -> Result<Box<dyn DiskFile>> {
        let path = self.path(path);
        for _ in 0..CREATE_TRIES {
            let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(&path);
            let file = opened.map_err(|error| {
                let is_lost = error.kind() == std::io::ErrorKind::NotFound;
                let error = Error::io("create the file", &error);
                if is_lost { error.hint("the folder is not there; make it first") } else { error }
            })?;
            // Somebody who clears up may hold the lock of the fresh file, or have removed it already.
            let is_locked = flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK);
            if is_locked && file.metadata().is_ok_and(|found| found.nlink() > 0) {
                let new =
                    file::LocalFile::new(file, expected_bytes).inspect_err(|_| drop(fs::remove_file(&path)));
                return Ok(Box::new(new?));
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the temporary file is removed as soon as it is made"))
    }

    fn make_folder(&self, path: &str) -> Result<()> {
        fs::create_dir(self.path(path)).map_err(|error| Error::io("make the folder", &error))
    }

    fn lock_folder(&self, path: &str) -> Result<Box<dyn FolderLock>> {
        let folder = fs::File::open(self.path(path)).map_err(|error| Error::io("open the folder", &error))?;
        // File systems without locks still save; only the clearing up of cut saves is lost.
        let _ = flock(&folder, FlockOperation::NonBlockingLockExclusive);
        Ok(Box::new(LockedFolder { _folder: folder }))
    }

    fn remove_abandoned(&self, path: &str) -> Result<bool> {
        let path = self.path(path);
        let Ok(held) = fs::File::open(&path) else {
            return Ok(false);
        };
        if flock(&held, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(false);
        }
        let is_folder = held.metadata().is_ok_and(|found| found.is_dir());
        // What cannot be cleared (another owner's) must not stop a save.
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        Ok(removed.is_ok())
    }

    fn rename(&self, from: &str, to: &str, how: Rename) -> Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        let failed = |error: std::io::Error| Error::io("give the file its name", &error);
        let flags = match how {
            Rename::Replace => return fs::rename(from, to).map_err(failed),
            Rename::NoReplace => RenameFlags::NOREPLACE,
            Rename::Exchange => RenameFlags::EXCHANGE,
        };
        match renameat_with(CWD, &from, CWD, &to, flags) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if how == Rename::Exchange => {
                Err(Error::unsupported("this file system cannot exchange names"))
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_new(&from, &to),
            Err(error) => Err(failed(error.into())),
        }
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        fs::remove_file(self.path(path)).map_err(|error| Error::io("remove the file", &error))
    }

    fn remove_folder(&self, path: &str) -> Result<()> {
        fs::remove_dir(self.path(path)).map_err(|error| Error::io("remove the folder", &error))
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        let opened =
            fs::File::open(self.path(folder)).map_err(|error| Error::io("open the folder", &error))?;
        match rustix::fs::fsync(&opened) {
            // Some network file systems have no such thing.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(Error::io("sync the folder", &error.into())),
        }
    }

    fn keep_attributes(&self, old: &str, new: &str) -> Result<()> {
        let (Ok(old), new) = (fs::metadata(self.path(old)), self.path(new)) else {
            return Ok(());
        };
        // Only root may give files away; a group that is ours may be kept by anyone.
        let _ = std::os::unix::fs::chown(&new, Some(old.uid()), Some(old.gid()));
        let mode = fs::Permissions::from_mode(old.mode() & 0o7777);
        fs::set_permissions(&new, mode).map_err(|error| Error::io("set the mode", &error))
    }

    fn resolve(&self, path: &str) -> Result<String> {
        let full = self.path(path);
        let target = follow(&full)?;
        if target == full {
            return Ok(path.to_owned());
        }
        let inside = target.strip_prefix(&self.root).ok().and_then(Path::to_str).map(str::to_owned);
        inside
            .filter(|inside| crate::name::check(inside).is_ok())
            .ok_or_else(|| Error::untrusted("a link leaves the storage").at(path))
    }
}

/// Renames where the system has no flag for it: a link fails when the name is taken.
fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("give the file its name", &error);
    if fs::metadata(from).map_err(failed)?.is_dir() {
        if fs::symlink_metadata(to).is_ok() {
            return Err(Error::already_exists("the name is taken"));
        }
        return fs::rename(from, to).map_err(failed);
    }
    fs::hard_link(from, to).map_err(failed)?;
    fs::remove_file(from).map_err(failed)
}

/// A folder whose lock is held while it is open.
struct LockedFolder {
    _folder: fs::File,
}

impl FolderLock for LockedFolder {}
