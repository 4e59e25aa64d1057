//! A folder on its way: written whole under a temporary name, then renamed or exchanged with the old one.

use std::collections::BTreeSet;

use kerata_core::{Error, ErrorKind, FolderSink, Result, ResultExt, Sink};

use super::{MAX_DEPTH, remove_all};
use crate::name::{check, file_name, join, parent, set_aside, temporary};
use crate::{Disk, DiskFile, FolderLock, PublishFolder, Rename};

/// A folder under its temporary name. Dropped, it is removed.
pub(super) struct NewFolder<'d> {
    disk: &'d dyn Disk,
    temporary: String,
    target: String,
    overwrite: bool,
    lock: Option<Box<dyn FolderLock>>,
    folders: BTreeSet<String>,
    open: Option<Box<dyn DiskFile>>,
    is_published: bool,
}

impl<'d> NewFolder<'d> {
    pub(super) fn start(disk: &'d dyn Disk, target: String, overwrite: bool) -> Result<Self> {
        let temporary = temporary(&target);
        disk.make_folder(&temporary)?;
        let mut new = Self {
            disk,
            temporary,
            target,
            overwrite,
            lock: None,
            folders: BTreeSet::new(),
            open: None,
            is_published: false,
        };
        new.lock = Some(disk.lock_folder(&new.temporary)?);
        Ok(new)
    }

    fn close_file(&mut self) -> Result<()> {
        self.open.take().map_or(Ok(()), |mut file| file.sync())
    }

    fn make_folders(&mut self, folder: &str) -> Result<()> {
        if folder.is_empty() || self.folders.contains(folder) {
            return Ok(());
        }
        self.make_folders(parent(folder))?;
        self.disk.make_folder(&join(&self.temporary, folder))?;
        self.folders.insert(folder.to_owned());
        Ok(())
    }

    /// Puts the new folder in the place of the old one. After a cut anywhere, the old or the new one has the name, or
    /// the old one stands under a name from which it is brought back.
    fn replace(&mut self) -> Result<()> {
        match self.disk.rename(&self.temporary, &self.target, Rename::Exchange) {
            Ok(()) => {
                self.is_published = true;
                self.disk.sync_folder(parent(&self.target))?;
                // The temporary name holds the old folder now; failing to clear it does not undo the save.
                let _ = remove_all(self.disk, &self.temporary, MAX_DEPTH);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
        let aside = set_aside(&self.temporary);
        self.disk.rename(&self.target, &aside, Rename::NoReplace)?;
        // Each step is durable before the next one may be.
        let named = self
            .disk
            .sync_folder(parent(&self.target))
            .and_then(|()| self.disk.rename(&self.temporary, &self.target, Rename::NoReplace));
        if let Err(error) = named {
            self.disk.rename(&aside, &self.target, Rename::NoReplace)?;
            return Err(error);
        }
        self.is_published = true;
        self.disk.sync_folder(parent(&self.target))?;
        let _ = remove_all(self.disk, &aside, MAX_DEPTH);
        Ok(())
    }
}

impl FolderSink for NewFolder<'_> {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        check(name)?;
        self.close_file()?;
        self.make_folders(parent(name))?;
        let file = self.disk.create(&join(&self.temporary, name), 0).at(|| name)?;
        Ok(Box::new(Borrowed(self.open.insert(file))))
    }
}

impl PublishFolder for NewFolder<'_> {
    fn publish(mut self: Box<Self>) -> Result<()> {
        self.close_file()?;
        for folder in self.folders.iter().rev() {
            self.disk.sync_folder(&join(&self.temporary, folder))?;
        }
        self.disk.sync_folder(&self.temporary)?;
        if self.overwrite && self.disk.kind(&self.target)?.is_some() {
            return self.replace().at(|| file_name(&self.target).to_owned());
        }
        self.disk.rename(&self.temporary, &self.target, Rename::NoReplace).at(|| file_name(&self.target))?;
        self.is_published = true;
        self.disk.sync_folder(parent(&self.target))
    }
}

impl Drop for NewFolder<'_> {
    fn drop(&mut self) {
        self.open = None;
        self.lock = None;
        if !self.is_published {
            let _ = remove_all(self.disk, &self.temporary, MAX_DEPTH);
        }
    }
}

struct Borrowed<'f>(&'f mut Box<dyn DiskFile>);

impl Sink for Borrowed<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write(bytes)
    }

    fn position(&self) -> u64 {
        self.0.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.0.position()) {
            return Err(Error::internal("patch past the end of what was written"));
        }
        self.0.patch(offset, bytes)
    }
}
