//! Files that belong to a SavedModel.

use kerata_core::{Artifact, Data, Error, Result};

use crate::FolderRef;
use crate::containers::proto::tensorflow::MetaGraphDef;

/// Folder of the files that the graph names.
pub(super) const ASSETS: &str = "assets/";
/// Folder of the files that users put beside.
pub(super) const EXTRAS: &str = "assets.extra/";

/// Adds the files below `assets/` and `assets.extra/`; what the graph names must be among them.
pub(super) fn add(artifact: &mut Artifact, folder: &FolderRef, graph: &MetaGraphDef) -> Result<()> {
    for name in folder.names()? {
        let is_extra = name.starts_with(EXTRAS);
        if !is_extra && !name.starts_with(ASSETS) {
            continue;
        }
        let source = folder.open(&name)?;
        let len = source.len();
        let data = Data::range(source, 0, len)?;
        match name.strip_prefix(ASSETS) {
            Some(short) => artifact.assets.insert(short.to_owned(), data),
            None => artifact.extras.insert(name, data),
        };
    }
    for asset in &graph.asset_file_def {
        let name = asset.filename.as_str();
        if !is_plain(name) {
            return Err(Error::untrusted(format!("asset `{name}` lies outside the model's folder")));
        }
        if !artifact.assets.contains_key(name) {
            return Err(Error::corrupt(format!("asset `{name}` is missing")));
        }
    }
    Ok(())
}

/// Whether a name is relative and stays below its folder.
fn is_plain(name: &str) -> bool {
    let parts = name.split(['/', '\\']);
    !name.contains(':')
        && !name.contains('\0')
        && parts.into_iter().all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_told() {
        assert!(is_plain("words.txt") && is_plain("a/b.txt"));
        for name in ["", "../x", "/etc/passwd", "a/../../x", "C:\\x", "a//b", "file:///x", "..\\x", "a\0"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
