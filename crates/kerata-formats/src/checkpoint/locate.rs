//! From what a user names to the folder and prefix of a checkpoint.

use kerata_core::{Error, Result, ResultExt};

use super::state;
use crate::containers::bundle::index_name;
use crate::{FolderRef, Input};

/// Largest `checkpoint` file; it names at most some thousand prefixes.
const MAX_STATE_BYTES: u64 = 4 << 20;

/// Folder and prefix of the checkpoint that an input names; `None` when it names none.
pub(crate) fn locate(input: &Input) -> Result<Option<(FolderRef, String)>> {
    match input {
        Input::Prefix { name, siblings } => {
            Ok(has_index(siblings, name).then(|| (siblings.clone(), name.clone())))
        }
        Input::Folder { folder, .. } => in_folder(folder),
        Input::File { name, siblings: Some(siblings), .. } => {
            let head = input.head(64)?;
            if state::is_state(&head) {
                return in_folder(siblings);
            }
            // An index or a shard is named: the prefix is what is before its ending.
            let shard =
                name.split_once(".data-").filter(|(_, rest)| rest.contains("-of-")).map(|(prefix, _)| prefix);
            let prefix = name.strip_suffix(".index").or(shard);
            Ok(prefix
                .filter(|prefix| has_index(siblings, prefix))
                .map(|prefix| (siblings.clone(), prefix.to_owned())))
        }
        Input::File { .. } => Ok(None),
    }
}

fn has_index(folder: &FolderRef, prefix: &str) -> bool {
    folder.open(&index_name(prefix)).is_ok()
}

fn in_folder(folder: &FolderRef) -> Result<Option<(FolderRef, String)>> {
    let names = folder.names()?;
    let has = |name: &str| names.iter().any(|found| found == name);
    if has("saved_model.pb") || has("saved_model.pbtxt") || has("config.json") {
        return Ok(None);
    }
    if has(state::STATE_FILE) {
        return from_state(folder, &names).at(|| state::STATE_FILE).map(Some);
    }
    let prefixes: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".index")).collect();
    match prefixes.as_slice() {
        [prefix] => Ok(Some((folder.clone(), (*prefix).to_owned()))),
        [] => Ok(None),
        [first, ..] => Err(Error::usage(format!("the folder holds {} checkpoints", prefixes.len()))
            .hint(format!("name one of them, for example `{first}`"))),
    }
}

/// The newest checkpoint by the state file. Old writers noted absolute paths, and folders are moved: where the path
/// leads nowhere, its last part is looked for beside the state file.
fn from_state(folder: &FolderRef, names: &[String]) -> Result<(FolderRef, String)> {
    let source = folder.open(state::STATE_FILE)?;
    if source.len() > MAX_STATE_BYTES {
        return Err(Error::limit(format!("a state file of {} bytes", source.len())));
    }
    let path = state::newest(&source.read_vec(0, source.len())?)?;
    let plain = path.rsplit(['/', '\\']).next().unwrap_or(&path);
    for candidate in [path.as_str(), plain] {
        let index = index_name(candidate);
        if names.contains(&index) {
            return Ok((folder.clone(), candidate.to_owned()));
        }
    }
    Err(Error::not_found(format!("the newest checkpoint `{plain}` is not in the folder")))
}
