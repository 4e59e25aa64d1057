//! Several files on their way into a folder that is there: all durable first, then named in order.

use kerata_core::{FolderSink, Result, Sink};

use super::file::NewFile;
use super::{sweep, taken};
use crate::name::{check, join};
use crate::{Disk, PublishFolder};

/// Files under their temporary names.
pub(super) struct NewGroup<'d> {
    disk: &'d dyn Disk,
    folder: String,
    overwrite: bool,
    files: Vec<NewFile<'d>>,
}

impl<'d> NewGroup<'d> {
    pub(super) fn start(disk: &'d dyn Disk, folder: &str, overwrite: bool) -> Self {
        Self { disk, folder: folder.to_owned(), overwrite, files: Vec::new() }
    }
}

impl FolderSink for NewGroup<'_> {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        check(name)?;
        let path = self.disk.resolve(&join(&self.folder, name))?;
        sweep::sweep(self.disk, &path)?;
        let is_taken = self.disk.kind(&path)?.is_some() && !self.overwrite;
        if is_taken || self.files.iter().any(|file| file.target() == path) {
            return Err(taken(name));
        }
        self.files.push(NewFile::start(self.disk, path, 0)?);
        let file = self.files.last_mut().expect("pushed above");
        Ok(Box::new(Borrowed(file)))
    }
}

impl PublishFolder for NewGroup<'_> {
    fn publish(mut self: Box<Self>) -> Result<()> {
        for file in &mut self.files {
            file.sync()?;
        }
        let Some((last, before)) = self.files.split_last_mut() else {
            return Ok(());
        };
        for named in 0..before.len() {
            if let Err(error) = before[named].name(self.overwrite) {
                remove_named(self.disk, &before[..named], self.overwrite);
                return Err(error);
            }
        }
        // What the last file points to must be durable before it.
        let finished = self.disk.sync_folder(&self.folder).and_then(|()| last.name(self.overwrite));
        if let Err(error) = finished {
            remove_named(self.disk, before, self.overwrite);
            return Err(error);
        }
        self.disk.sync_folder(&self.folder)
    }
}

/// Takes back files that got their names in vain, when they cannot have replaced others.
fn remove_named(disk: &dyn Disk, files: &[NewFile<'_>], overwrite: bool) {
    if !overwrite {
        for file in files {
            let _ = disk.remove_file(file.target());
        }
    }
}

struct Borrowed<'f, 'd>(&'f mut NewFile<'d>);

impl Sink for Borrowed<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write(bytes)
    }

    fn position(&self) -> u64 {
        self.0.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.0.patch(offset, bytes)
    }
}
