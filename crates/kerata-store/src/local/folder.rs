//! `LocalFolder`: the files of a folder, read without leaving it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerata_core::source::Folder;
use kerata_core::{Error, Result, ResultExt, SourceRef};

use super::mmap;
use crate::name::{check, join, temporary_owner};

/// Files that one folder may hold.
const MAX_FILES: usize = 1_000_000;
/// Folders inside folders.
const MAX_DEPTH: usize = 64;

/// A folder of this machine. Links inside it may point to files below it, or, in a download cache that keeps its files
/// under `blobs`, to a blob of the same cache; other links are refused.
#[derive(Clone, Debug)]
pub struct LocalFolder {
    root: PathBuf,
    is_flat: bool,
}

impl LocalFolder {
    /// A folder with everything below it.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>> {
        Self::new(path.as_ref(), false)
    }

    /// The folder that a file lies in; only files directly inside are listed.
    pub fn around(file: impl AsRef<Path>) -> Result<Arc<Self>> {
        let parent = file.as_ref().parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::new(parent.unwrap_or(Path::new(".")), true)
    }

    fn new(path: &Path, is_flat: bool) -> Result<Arc<Self>> {
        let shown = || path.display().to_string();
        let root = fs::canonicalize(path).map_err(|error| Error::io("open the folder", &error)).at(shown)?;
        if !root.is_dir() {
            return Err(Error::usage("expected a folder, found a file")).at(shown);
        }
        Ok(Arc::new(Self { root, is_flat }))
    }

    /// Whether a file that a name leads to may be read.
    fn allows(&self, target: &Path) -> bool {
        if target.starts_with(&self.root) {
            return true;
        }
        // models--owner--name/snapshots/REVISION/... points to models--owner--name/blobs/HASH.
        let mut around = self.root.ancestors();
        let snapshots = around.find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"));
        let cache = snapshots.and_then(Path::parent);
        cache.is_some_and(|cache| target.parent() == Some(&cache.join("blobs")))
    }

    fn list_into(&self, folder: &str, depth: usize, names: &mut Vec<String>) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("list the folder", &error);
        let path = if folder.is_empty() { self.root.clone() } else { self.root.join(folder) };
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if temporary_owner(&name).is_some() {
                continue;
            }
            let name = join(folder, &name);
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                match (self.is_flat, depth) {
                    (true, _) => {}
                    (_, 0) => return Err(Error::limit("folders are nested too deep").at(name)),
                    _ => self.list_into(&name, depth - 1, names)?,
                }
            } else if kind.is_file() || fs::metadata(entry.path()).is_ok_and(|found| found.is_file()) {
                names.push(name);
            }
            if names.len() > MAX_FILES {
                return Err(Error::limit(format!("more than {MAX_FILES} files")));
            }
        }
        Ok(())
    }
}

impl Folder for LocalFolder {
    fn open(&self, name: &str) -> Result<SourceRef> {
        check(name)?;
        let failed = |error: std::io::Error| Error::io("open the file", &error).at(name);
        let target = fs::canonicalize(self.root.join(name)).map_err(failed)?;
        if !self.allows(&target) {
            return Err(Error::untrusted("a link leaves the folder of the model")
                .at(name)
                .hint("copy the file itself into the folder"));
        }
        // The canonical path is opened without following anything, so a link put there meanwhile fails.
        open_plain(&target).map_err(failed).and_then(mmap::map).at(|| name)
    }

    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.list_into("", MAX_DEPTH, &mut names)?;
        names.sort();
        Ok(names)
    }
}

#[cfg(target_os = "linux")]
fn open_plain(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::NOSYS | Errno::PERM) => File::open(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_plain(path: &Path) -> std::io::Result<File> {
    File::open(path)
}
