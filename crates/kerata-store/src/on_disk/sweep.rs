//! What earlier saves left when they were cut: temporaries are removed, a folder set aside is brought back.

use kerata_core::{ErrorKind, Result};

use crate::name::{file_name, join, parent, set_aside_owner, temporary_owner};
use crate::{Disk, Rename};

/// Clears the way for a save to `path`: no file or folder of an unfinished save to the same name stays, unless
/// somebody still writes it.
pub(super) fn sweep(disk: &dyn Disk, path: &str) -> Result<()> {
    bring_back(disk, path)?;
    for name in beside(disk, path)? {
        disk.remove_abandoned(&join(parent(path), &name))?;
    }
    Ok(())
}

/// When nothing has the name, gives it back to what was set aside; says whether it did.
pub(super) fn bring_back(disk: &dyn Disk, path: &str) -> Result<bool> {
    if disk.kind(path)?.is_some() {
        return Ok(false);
    }
    let Some(name) = beside(disk, path)?.into_iter().find(|name| set_aside_owner(name).is_some()) else {
        return Ok(false);
    };
    match disk.rename(&join(parent(path), &name), path, Rename::NoReplace) {
        Ok(()) => disk.sync_folder(parent(path)).map(|()| true),
        // Another process was faster: it brought the old one back, or named the new one.
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Names of temporaries that belong to `path`.
fn beside(disk: &dyn Disk, path: &str) -> Result<Vec<String>> {
    let entries = match disk.list(parent(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let owner = file_name(path);
    Ok(entries
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| temporary_owner(name) == Some(owner))
        .collect())
}
