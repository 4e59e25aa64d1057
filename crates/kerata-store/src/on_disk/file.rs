//! One file on its way: written under a temporary name, made durable, renamed.

use kerata_core::{Error, Result, ResultExt, Sink};

use crate::name::{file_name, parent, temporary};
use crate::{Disk, DiskFile, EntryKind, Publish, Rename};

/// A file under its temporary name. Dropped, it is removed.
pub(super) struct NewFile<'d> {
    disk: &'d dyn Disk,
    temporary: String,
    target: String,
    /// `None` once it is closed.
    file: Option<Box<dyn DiskFile>>,
    is_published: bool,
}

impl<'d> NewFile<'d> {
    pub(super) fn start(disk: &'d dyn Disk, target: String, expected_bytes: u64) -> Result<Self> {
        let temporary = temporary(&target);
        let file = disk.create(&temporary, expected_bytes)?;
        Ok(Self { disk, temporary, target, file: Some(file), is_published: false })
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        let target = &self.target;
        self.file.as_mut().ok_or_else(closed)?.sync().at(|| file_name(target))
    }

    /// Gives the durable file its name; the folder must be synced afterwards.
    pub(super) fn name(&mut self, overwrite: bool) -> Result<()> {
        let how = if overwrite { Rename::Replace } else { Rename::NoReplace };
        if overwrite && self.disk.kind(&self.target)? == Some(EntryKind::File) {
            self.disk.keep_attributes(&self.target, &self.temporary)?;
        }
        self.disk.rename(&self.temporary, &self.target, how).at(|| file_name(&self.target))?;
        self.is_published = true;
        Ok(())
    }
}

impl Sink for NewFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let target = &self.target;
        self.file.as_mut().ok_or_else(closed)?.write(bytes).at(|| file_name(target))
    }

    fn position(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.position())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let target = &self.target;
        self.file.as_mut().ok_or_else(closed)?.patch(offset, bytes).at(|| file_name(target))
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        self.file = None;
        if !self.is_published {
            // The failure that led here is what the caller hears of.
            let _ = self.disk.remove_file(&self.temporary);
        }
    }
}

fn closed() -> Error {
    Error::internal("the file is closed")
}

/// A file that is published alone.
pub(super) struct Publishing<'d> {
    file: NewFile<'d>,
    overwrite: bool,
}

impl<'d> Publishing<'d> {
    pub(super) fn new(file: NewFile<'d>, overwrite: bool) -> Self {
        Self { file, overwrite }
    }
}

impl Sink for Publishing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write(bytes)
    }

    fn position(&self) -> u64 {
        self.file.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file.patch(offset, bytes)
    }
}

impl Publish for Publishing<'_> {
    fn publish(mut self: Box<Self>) -> Result<()> {
        self.file.sync()?;
        self.file.name(self.overwrite)?;
        self.file.disk.sync_folder(parent(&self.file.target))
    }
}
