//! `ShardIndex`: the JSON that says which file of several holds what; shared by the sharded formats.

use indexmap::{IndexMap, IndexSet};
use kerata_core::{Error, Limits, Result, ResultExt, SourceRef, Tree};

use crate::Input;

/// Longest index that is looked at to tell formats apart.
const MAX_PEEK_BYTES: u64 = 64 << 20;

/// A read index.
pub(crate) struct ShardIndex {
    /// What each file-spanning name holds, by name, in the order of the index.
    pub(crate) entries: IndexMap<String, Vec<String>>,
    /// Everything under `metadata`.
    pub(crate) metadata: Tree,
}

impl ShardIndex {
    /// Reads the index that an input is; `None` when it is none.
    pub(crate) fn peek(input: &Input, ending: &str) -> Result<Option<Self>> {
        let Some(source) = input.source() else { return Ok(None) };
        let starts_as_object = input.head(64)?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if !starts_as_object || source.len() > MAX_PEEK_BYTES {
            return Ok(None);
        }
        let text = source.read_vec(0, source.len())?;
        // Other JSON than an index is not this format's to judge.
        let Ok(tree) = Tree::parse(&text, &Limits::default()) else { return Ok(None) };
        let Some(map) = tree.get("weight_map").and_then(Tree::as_object) else { return Ok(None) };
        let is_ours = |value: &Tree| match value {
            Tree::Text(file) => file.ends_with(ending),
            Tree::List(files) => {
                files.iter().all(|file| file.as_str().is_some_and(|file| file.ends_with(ending)))
            }
            _ => false,
        };
        if !map.values().all(is_ours) {
            return Ok(None);
        }
        let mut entries = IndexMap::new();
        for (key, value) in map {
            let files = match value {
                Tree::List(files) => files.iter().filter_map(Tree::as_str).map(str::to_owned).collect(),
                other => other.as_str().map(str::to_owned).into_iter().collect(),
            };
            entries.insert(key.clone(), files);
        }
        let metadata = tree.get("metadata").cloned().unwrap_or_default();
        Ok(Some(Self { entries, metadata }))
    }

    /// The files, each once, in the order they are named.
    pub(crate) fn files(&self, limits: &Limits) -> Result<IndexSet<String>> {
        let files: IndexSet<String> = self.entries.values().flatten().cloned().collect();
        if files.len() > limits.max_shards {
            return Err(Error::limit(format!("{} shards, the limit is {}", files.len(), limits.max_shards)));
        }
        match files.iter().find(|file| !is_plain(file)) {
            Some(file) => {
                Err(Error::untrusted("a shard may only be a file beside the index").at(file.as_str()))
            }
            None => Ok(files),
        }
    }
}

/// Opens a shard beside its index.
pub(crate) fn open(input: &Input, file: &str) -> Result<SourceRef> {
    let folder =
        input.siblings().ok_or_else(|| Error::usage("the index was given without the files beside it"))?;
    folder.open(file).map_err(|error| error.hint("all shards must lie beside the index")).at(|| file)
}

/// Whether a name is that of a file beside another one.
pub(crate) fn is_plain(file: &str) -> bool {
    let has_drive = matches!(file.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    !file.is_empty() && !has_drive && !matches!(file, "." | "..") && !file.contains(['/', '\\', '\0'])
}

/// Splits sizes into runs of at most `most` bytes; a size beyond it is an error that names its position.
pub(crate) fn split(sizes: impl Iterator<Item = u64>, most: Option<u64>) -> Result<Vec<usize>, usize> {
    let most = most.unwrap_or(u64::MAX);
    let mut shards = Vec::new();
    let (mut shard, mut filled) = (0usize, 0u64);
    for (position, size) in sizes.enumerate() {
        if size > most {
            return Err(position);
        }
        if filled.saturating_add(size) > most {
            shard += 1;
            filled = 0;
        }
        filled = filled.saturating_add(size);
        shards.push(shard);
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_fill_up_to_the_limit_in_order() {
        assert_eq!(split([4, 4, 4, 1].into_iter(), Some(8)), Ok(vec![0, 0, 1, 1]));
        assert_eq!(split([4, 9].into_iter(), Some(8)), Err(1));
        assert_eq!(split([4, 9].into_iter(), None), Ok(vec![0, 0]));
    }

    #[test]
    fn shards_are_plain_file_names() {
        assert!(is_plain("m_00000.weights.h5"));
        for name in ["", "..", "../m.h5", "/m.h5", "a/m.h5", "a\\m.h5", "C:m.h5", "m\0.h5"] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
