//! SavedModels and checkpoints of real TensorFlow (`fixtures/tensorflow`).

mod frozen;
mod hostile;
mod hostile_graphs;
mod reading;
mod running;
mod untraced;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use kerata_core::{Artifact, Limits, Tree, Variable};
use kerata_formats::{FolderRef, Input, MemoryFolder};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tensorflow/golden")
}

/// Every case of a kind with what is expected of it.
fn cases(kind: &str) -> Vec<(String, PathBuf, Tree)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(golden()).unwrap() {
        let folder = entry.unwrap().path();
        let text = fs::read(folder.join("expect.json")).unwrap();
        let expect = Tree::parse(&text, &Limits::default()).unwrap();
        if expect.get("kind").and_then(Tree::as_str) == Some(kind) {
            cases.push((folder.file_name().unwrap().to_str().unwrap().to_owned(), folder, expect));
        }
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// The files below a folder, by relative name.
fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found
}

fn in_memory(root: &Path) -> FolderRef {
    MemoryFolder::shared(files(root))
}

fn input(folder: &Path, expect: &Tree) -> Input {
    match (expect.get("prefix").and_then(Tree::as_str), expect.get("kind").and_then(Tree::as_str)) {
        (Some(prefix), _) => Input::prefix(prefix, in_memory(folder)),
        (None, Some("frozen")) => Input::bytes("frozen.pb", fs::read(folder.join("frozen.pb")).unwrap()),
        (None, _) => Input::folder("model", in_memory(&folder.join("model"))),
    }
}

/// CRC-32 of a variable as `fixtures/tensorflow/record.py` computes it.
fn crc(variable: &Variable) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    match variable.data.as_strings() {
        Some(strings) => {
            for text in strings {
                hasher.update(&(text.len() as u32).to_le_bytes());
                hasher.update(text);
            }
        }
        None => hasher.update(&variable.data.bytes().unwrap()),
    }
    hasher.finalize()
}

/// The variable that was stored under a key.
fn stored<'a>(artifact: &'a Artifact, key: &str) -> Option<&'a Variable> {
    let twin = artifact.metadata.extra.get("twins").and_then(|twins| twins.get(key)?.as_str());
    let by_origin =
        || artifact.variables.iter().find(|(_, v)| v.origin.as_deref() == Some(key)).map(|found| found.1);
    twin.or(Some(key)).and_then(|path| artifact.variables.get(path)).or_else(by_origin)
}

fn check_variables(name: &str, artifact: &Artifact, expect: &Tree) {
    let expected = expect.get("variables").and_then(Tree::as_object).unwrap();
    for (key, facts) in expected {
        let variable = stored(artifact, key);
        if key == "_CHECKPOINTABLE_OBJECT_GRAPH"
            || facts.get("dtype").and_then(Tree::as_str) == Some("variant")
        {
            assert!(variable.is_some(), "{name}: {key}");
            continue;
        }
        let variable = variable.unwrap_or_else(|| panic!("{name}: no {key}"));
        let shape: Vec<u64> = facts
            .get("shape")
            .and_then(Tree::as_list)
            .unwrap()
            .iter()
            .map(|size| size.as_u64().unwrap())
            .collect();
        assert_eq!(Some(variable.dtype.name()), facts.get("dtype").and_then(Tree::as_str), "{name}: {key}");
        assert_eq!(variable.shape, shape, "{name}: {key}");
        assert_eq!(
            Some(u64::from(crc(variable))),
            facts.get("crc32").and_then(Tree::as_u64),
            "{name}: {key}"
        );
    }
    let twins = artifact.metadata.extra.get("twins").and_then(Tree::as_object).map_or(0, |twins| twins.len());
    assert_eq!(artifact.variables.len() + twins, expected.len(), "{name}: number of tensors");
}

fn check_parameters(name: &str, artifact: &Artifact, expect: &Tree) {
    if let Some(parameters) = expect.get("parameters").and_then(Tree::as_u64) {
        assert_eq!(artifact.parameters(), parameters, "{name}: parameters");
    }
}
