//! Replacing a folder or a set of shards: what must be known of the old one before, and what is cleared away after.

use std::collections::BTreeSet;

use kerata_core::{Error, Limits, Result, Tree};
use kerata_formats::{Input, detect};
use kerata_store::{LocalFolder, LocalStorage, Storage};

/// Refuses to replace a folder that holds anything but a model.
pub(crate) fn check_folder(storage: &LocalStorage, name: &str) -> Result<()> {
    let Ok(entries) = storage.list(&format!("{name}/")) else { return Ok(()) };
    if entries.is_empty() {
        return Ok(());
    }
    let folder = LocalFolder::open(storage.disk().root().join(name))?;
    detect(&Input::folder(name, folder)).map(drop).map_err(|_| {
        Error::already_exists("the folder there holds something that is not a model, and is not replaced")
            .hint("choose another name, or remove the folder yourself")
    })
}

/// The shards that an index of this name points to now.
pub(crate) struct OldShards(BTreeSet<String>);

impl OldShards {
    /// Reads the index; none when there is no index.
    pub(crate) fn of(storage: &LocalStorage, index: &str) -> Option<Self> {
        let source = storage.get(index).ok()?;
        let limits = Limits::default();
        if source.len() > limits.max_config_bytes {
            return None;
        }
        let tree = Tree::parse(&source.read_vec(0, source.len()).ok()?, &limits).ok()?;
        let values = tree.get("weight_map")?.as_object()?.values();
        let files = values.flat_map(|value| match value {
            Tree::List(files) => files.iter().filter_map(Tree::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        });
        // Names with folders are no shards of ours.
        Some(Self(files.filter(|file| !file.contains(['/', '\\'])).collect()))
    }

    /// A tag for the names of the new shards, so that the old ones stay whole until the index is replaced.
    pub(crate) fn free_tag(&self) -> String {
        let is_taken = |tag: &u32| {
            let (before_number, before_count) = (format!("-{tag}_"), format!("-{tag}-"));
            self.0.iter().any(|file| file.contains(&before_number) || file.contains(&before_count))
        };
        (2..).find(|tag| !is_taken(tag)).unwrap_or(2).to_string()
    }

    /// Removes the old shards that the new index does not name.
    pub(crate) fn clear(self, storage: &LocalStorage, index: &str) {
        let Some(new) = Self::of(storage, index) else { return };
        for file in self.0.difference(&new.0) {
            // Keras opens the first shard by this name, whatever the index says.
            if !file.ends_with("_00000.weights.h5") {
                // A shard that cannot be removed is litter, not a failure of the save.
                let _ = storage.delete(file);
            }
        }
    }
}
