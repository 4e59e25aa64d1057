//! `OnDisk`: the publish protocol, once, over any [`Disk`].

mod file;
mod folder;
mod group;
mod sweep;

use std::collections::BTreeSet;

use kerata_core::{Error, ErrorKind, Result, ResultExt, SourceRef};

use crate::name::{check, join, parent, temporary_owner};
use crate::{Disk, EntryKind, Publish, PublishFolder, PutOptions, Rename, Storage, StoredEntry};

/// Folders inside folders that are listed and removed.
const MAX_DEPTH: usize = 64;

/// Storage on a disk.
#[derive(Debug)]
pub struct OnDisk<D> {
    disk: D,
}

impl<D: Disk> OnDisk<D> {
    /// Storage on this disk.
    pub fn on(disk: D) -> Self {
        Self { disk }
    }

    /// The disk below.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Clears up after saves to a name that were cut: what they left is removed, and a folder that waited for its
    /// replacement gets its name back. Every save does this first; a reader of folders does it when one is missing.
    pub fn recover(&self, name: &str) -> Result<()> {
        check(name)?;
        sweep::sweep(&self.disk, name)
    }

    /// Where a name shall be written, after a check that it may.
    fn target(&self, name: &str, options: &PutOptions, kind: EntryKind) -> Result<String> {
        check(name)?;
        let path = self.disk.resolve(name)?;
        sweep::sweep(&self.disk, &path)?;
        match self.disk.kind(&path)? {
            None => Ok(path),
            Some(_) if !options.overwrite => Err(taken(name)),
            Some(found) if found != kind => {
                let is = if found == EntryKind::Folder { "a folder" } else { "a file" };
                Err(Error::already_exists(format!("{is} has this name and is not replaced")).at(name))
            }
            Some(_) => Ok(path),
        }
    }

    fn list_into(
        &self,
        folder: &str,
        prefix: &str,
        depth: usize,
        found: &mut Vec<StoredEntry>,
    ) -> Result<()> {
        if depth == 0 {
            return Err(Error::limit("folders are nested too deep").at(folder));
        }
        for entry in self.disk.list(folder)? {
            if temporary_owner(&entry.name).is_some() {
                continue;
            }
            let name = join(folder, &entry.name);
            match entry.kind {
                EntryKind::File => found.push(StoredEntry { name, bytes: entry.bytes }),
                // A folder without names that could match is none of our business.
                EntryKind::Folder if !name.starts_with(prefix) && !prefix.starts_with(&name) => {}
                EntryKind::Folder => self.list_into(&name, prefix, depth - 1, found)?,
            }
        }
        Ok(())
    }
}

impl<D: Disk> Storage for OnDisk<D> {
    fn get(&self, name: &str) -> Result<SourceRef> {
        check(name)?;
        match self.disk.open(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The last save may have been cut between setting the old folder aside and naming the new one.
                if !sweep::bring_back(&self.disk, name)? {
                    return Err(error);
                }
                self.disk.open(name)
            }
            opened => opened,
        }
        .at(|| name)
    }

    fn create(&self, name: &str, options: &PutOptions) -> Result<Box<dyn Publish + '_>> {
        let target = self.target(name, options, EntryKind::File)?;
        let file = file::NewFile::start(&self.disk, target, options.expected_bytes).at(|| name)?;
        Ok(Box::new(file::Publishing::new(file, options.overwrite)))
    }

    fn create_folder(&self, name: &str, options: &PutOptions) -> Result<Box<dyn PublishFolder + '_>> {
        let target = self.target(name, options, EntryKind::Folder)?;
        Ok(Box::new(folder::NewFolder::start(&self.disk, target, options.overwrite).at(|| name)?))
    }

    fn create_group(&self, folder: &str, options: &PutOptions) -> Result<Box<dyn PublishFolder + '_>> {
        if !folder.is_empty() {
            check(folder)?;
        }
        Ok(Box::new(group::NewGroup::start(&self.disk, folder, options.overwrite)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredEntry>> {
        let folder = parent(prefix);
        if !folder.is_empty() {
            check(folder)?;
        }
        let mut found = Vec::new();
        match self.list_into(folder, prefix, MAX_DEPTH, &mut found) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            listed => listed?,
        }
        found.retain(|entry| entry.name.starts_with(prefix));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<()> {
        check(name)?;
        match self.disk.kind(name).at(|| name)? {
            None => return Err(Error::not_found("nothing to delete").at(name)),
            Some(EntryKind::File) => self.disk.remove_file(name).at(|| name)?,
            Some(EntryKind::Folder) => {
                // The name goes first, so that a cut leaves no half folder under it.
                let aside = crate::name::temporary(name);
                self.disk.rename(name, &aside, Rename::NoReplace).at(|| name)?;
                self.disk.sync_folder(parent(name))?;
                return remove_all(&self.disk, &aside, MAX_DEPTH);
            }
        }
        self.disk.sync_folder(parent(name))
    }

    fn clear_abandoned(&self, folder: &str) -> Result<()> {
        if !folder.is_empty() {
            check(folder)?;
        }
        let entries = match self.disk.list(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        let owners: BTreeSet<&str> =
            entries.iter().filter_map(|entry| temporary_owner(&entry.name)).collect();
        owners.into_iter().try_for_each(|owner| sweep::sweep(&self.disk, &join(folder, owner)))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        check(from)?;
        check(to)?;
        if self.disk.kind(from)?.is_none() {
            return Err(Error::not_found("nothing to rename").at(from));
        }
        if self.disk.kind(to)?.is_some() {
            return Err(taken(to));
        }
        self.disk.rename(from, to, Rename::NoReplace).at(|| from)?;
        self.disk.sync_folder(parent(to))?;
        if parent(from) == parent(to) { Ok(()) } else { self.disk.sync_folder(parent(from)) }
    }
}

fn taken(name: &str) -> Error {
    Error::already_exists("the name is taken").at(name).hint("allow overwriting, or choose another name")
}

/// Removes a folder with all it holds.
fn remove_all(disk: &dyn Disk, folder: &str, depth: usize) -> Result<()> {
    let left = depth.checked_sub(1).ok_or_else(|| Error::limit("folders are nested too deep").at(folder))?;
    for entry in disk.list(folder)? {
        let path = join(folder, &entry.name);
        match entry.kind {
            EntryKind::File => disk.remove_file(&path)?,
            EntryKind::Folder => remove_all(disk, &path, left)?,
        }
    }
    disk.remove_folder(folder)
}
