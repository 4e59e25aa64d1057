//! The golden files: what Keras wrote, and what h5py and Keras said of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kerata_core::{Artifact, FolderSink, Limits, Result, Shape, Sink, Tree};
use kerata_formats::{Input, Layout, MemoryFolder, Output, WriteOptions, by_name, detect};

/// Folders of golden files, by the version of Keras that wrote them.
pub fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden");
    let mut found: Vec<PathBuf> = children(&root).iter().flat_map(|version| children(version)).collect();
    found.retain(|folder| folder.join("expect.json").is_file());
    assert!(found.len() > 100, "only {} golden folders", found.len());
    found
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    paths.sort();
    paths
}

/// Keras 2.12 gives HDF5 files this name, too.
fn is_zip(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"PK"))
}

pub fn expectations(folder: &Path) -> Tree {
    Tree::parse(&std::fs::read(folder.join("expect.json")).unwrap(), &Limits::default()).unwrap()
}

pub fn folder_input(path: &Path) -> Input {
    let mut files = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                waiting.push(entry);
            } else {
                let name = entry.strip_prefix(path).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read(entry).unwrap()));
            }
        }
    }
    Input::folder(path.file_name().unwrap().to_str().unwrap(), MemoryFolder::shared(files))
}

/// A file with the files beside it.
pub fn file_input(path: &Path) -> Input {
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = std::fs::read(path).unwrap();
    let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let files = beside
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
    Input::file_in(name, kerata_core::MemorySource::shared(bytes), MemoryFolder::shared(files))
}

/// Files written in memory.
#[derive(Default)]
pub struct Written(pub BTreeMap<String, Vec<u8>>);

impl FolderSink for Written {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        assert!(!self.0.contains_key(name), "{name} is written twice");
        Ok(Box::new(Entry(self.0.entry(name.to_owned()).or_default())))
    }
}

struct Entry<'a>(&'a mut Vec<u8>);

impl Sink for Entry<'_> {
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

/// Writes in a format and gives what can be read again, with all bytes.
pub fn rewrite(
    artifact: &Artifact,
    format: &str,
    options: &WriteOptions,
) -> (Input, BTreeMap<String, Vec<u8>>) {
    let format = by_name(format).unwrap();
    let mut folder = Written::default();
    let mut bytes = Vec::new();
    let name = format!("written{}", format.extensions().first().unwrap_or(&""));
    let mut output = match format.layout() {
        Layout::File => Output::File(&mut bytes),
        Layout::Folder => Output::Folder(&mut folder),
        Layout::FileWithSiblings => Output::Siblings { name: name.clone(), folder: &mut folder },
    };
    format.write(artifact, &mut output, options).unwrap();
    match format.layout() {
        Layout::File => (Input::bytes(name.clone(), bytes.clone()), BTreeMap::from([(name, bytes)])),
        Layout::Folder => (Input::folder(name, MemoryFolder::shared(folder.0.clone())), folder.0),
        Layout::FileWithSiblings => {
            let source = kerata_core::MemorySource::shared(folder.0[&name].clone());
            (Input::file_in(name, source, MemoryFolder::shared(folder.0.clone())), folder.0)
        }
    }
}

/// Compares variables with what h5py read.
pub fn check_variables(artifact: &Artifact, expected: &Tree, place: &str) {
    let expected = expected.as_object().unwrap();
    // Where a reader puts variables in other places, the artifact keeps those of the file.
    let variables = artifact.originals.as_ref().map_or(&artifact.variables, |originals| &originals.variables);
    for (path, facts) in expected {
        let spelled = path.replace("_layer_checkpoint_dependencies", "layers");
        let variable = variables.get(path).or(variables.get(&spelled));
        let variable = variable.unwrap_or_else(|| panic!("{place}: no {path}"));
        let shape: Vec<u64> = facts
            .get("shape")
            .unwrap()
            .as_list()
            .unwrap()
            .iter()
            .map(|axis| axis.as_u64().unwrap())
            .collect();
        assert_eq!(variable.shape, shape, "{place} {path}: {}", Shape::known(variable.shape.clone()));
        let dtype = facts.get("dtype").unwrap().as_str().unwrap();
        let found = variable.dtype.to_string();
        let is_opaque = matches!(variable.dtype, kerata_core::DType::Opaque(_));
        assert!(found == dtype || is_opaque, "{place} {path}: {found}, expected {dtype}");
        let crc = crc32fast::hash(&variable.data.bytes().unwrap());
        assert_eq!(u64::from(crc), facts.get("crc32").unwrap().as_u64().unwrap(), "{place} {path}");
    }
    assert_eq!(variables.len(), expected.len(), "{place}: more variables than expected");
}

/// Compares everything that two artifacts hold.
pub fn assert_same(a: &Artifact, b: &Artifact, place: &str) {
    assert_eq!(a.config.as_ref().map(Tree::to_json), b.config.as_ref().map(Tree::to_json), "{place}");
    assert_eq!(
        a.compile_config.as_ref().map(Tree::to_json),
        b.compile_config.as_ref().map(Tree::to_json),
        "{place}"
    );
    assert_same_variables(a, b, place);
    assert_eq!(a.objects, b.objects, "{place}");
    for (kind, left, right) in [("asset", &a.assets, &b.assets), ("extra", &a.extras, &b.extras)] {
        assert!(left.keys().eq(right.keys()), "{place}: {kind} names");
        for (name, data) in left {
            assert_eq!(data.bytes().unwrap(), right[name].bytes().unwrap(), "{place}: {kind} {name}");
        }
    }
    assert_eq!(a.metadata.keras_version, b.metadata.keras_version, "{place}");
    assert_eq!(a.metadata.date_saved, b.metadata.date_saved, "{place}");
    assert_eq!(a.metadata.extra, b.metadata.extra, "{place}");
}

pub fn assert_same_variables(a: &Artifact, b: &Artifact, place: &str) {
    let paths =
        |artifact: &Artifact| artifact.variables.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(a), paths(b), "{place}");
    for (path, left) in a.variables.iter() {
        let right = b.variables.get(path).unwrap();
        assert_eq!(
            (left.dtype, &left.shape, left.role),
            (right.dtype, &right.shape, right.role),
            "{place} {path}"
        );
        match left.data.as_strings() {
            Some(strings) => assert_eq!(Some(strings), right.data.as_strings(), "{place} {path}"),
            None => assert_eq!(left.data.bytes().unwrap(), right.data.bytes().unwrap(), "{place} {path}"),
        }
    }
}

fn read(input: &Input, format: &str, place: &str) -> Artifact {
    let found = detect(input).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(found.name(), format, "{place}");
    let artifact = found.read(input, &Limits::default()).unwrap_or_else(|error| panic!("{place}: {error}"));
    artifact.verify().unwrap_or_else(|error| panic!("{place}: {error}"));
    artifact
}

/// Reads a golden file, compares it with h5py, writes it twice, reads that.
fn check_lossless(input: &Input, format: &str, expected: &Tree, place: &str) -> Artifact {
    let artifact = read(input, format, place);
    // A FeatureSpace is no model, and its variables were not recorded.
    if artifact.config.as_ref().and_then(Tree::class_name) != Some("FeatureSpace") {
        check_variables(&artifact, expected, place);
    }
    let (again, bytes) = rewrite(&artifact, format, &WriteOptions::default());
    assert!(bytes == rewrite(&artifact, format, &WriteOptions::default()).1, "{place}: the bytes differ");
    let back = read(&again, format, place);
    assert_same(&artifact, &back, place);
    assert!(
        bytes == rewrite(&back, format, &WriteOptions::default()).1,
        "{place}: the bytes differ after reading"
    );
    artifact
}

#[test]
fn keras_files_read_as_h5py_reads_them_and_go_back_without_loss() {
    let mut wrong_counts = Vec::new();
    for folder in folders() {
        let path = folder.join("model.keras");
        let place = path.display().to_string();
        if !is_zip(&path) {
            continue;
        }
        let expect = expectations(&folder);
        let artifact = check_lossless(&file_input(&path), "keras", expect.get("variables").unwrap(), &place);
        let is_fine = |note: &String| note.contains("as Keras 3 spells them");
        assert!(
            artifact.config.is_some() && artifact.notes.iter().all(is_fine),
            "{place}: {:?}",
            artifact.notes
        );
        // Factors of LoRA are merged, kernels that quantization replaced and layers that old versions of Keras forgot
        // are not in the file; their number follows from the layers alone.
        let name = folder.file_name().unwrap().to_str().unwrap();
        let is_incomplete = name.starts_with("lora")
            || matches!(name, "awq" | "gptq")
            || name == "custom_containers" && !place.contains("keras-3.15");
        let params = expect.get("params").and_then(Tree::as_u64).filter(|_| !is_incomplete);
        if params.is_some_and(|params| params != artifact.parameters()) {
            wrong_counts.push(format!("{place}: {} instead of {params:?}", artifact.parameters()));
        }
    }
    assert!(wrong_counts.is_empty(), "{}", wrong_counts.join("\n"));
}

#[test]
fn unzipped_folders_hold_the_same_as_zip_files() {
    let mut count = 0;
    for folder in folders() {
        let path = folder.join("folder");
        if path.is_dir() {
            let expect = expectations(&folder);
            let place = path.display().to_string();
            check_lossless(&folder_input(&path), "keras-folder", expect.get("variables").unwrap(), &place);
            count += 1;
        }
    }
    assert!(count > 3, "only {count} folders");
}

#[test]
fn weights_files_hold_the_same_as_keras_files() {
    let mut count = 0;
    for folder in folders() {
        let path = folder.join("model.weights.h5");
        if path.is_file() {
            let expect = expectations(&folder);
            let place = path.display().to_string();
            check_lossless(&file_input(&path), "weights.h5", expect.get("variables").unwrap(), &place);
            count += 1;
        }
    }
    assert!(count > 10, "only {count} files");
}

#[test]
fn sharded_weights_hold_the_same_as_one_file() {
    let mut count = 0;
    for folder in folders() {
        let path = folder.join("sharded.weights.json");
        if path.is_file() {
            let expect = expectations(&folder);
            let place = path.display().to_string();
            let artifact =
                check_lossless(&file_input(&path), "weights.json", expect.get("variables").unwrap(), &place);
            let largest = artifact.variables.iter().map(|(_, variable)| variable.data.len()).max().unwrap();
            let options = WriteOptions::new().max_shard_bytes(largest).shard_tag("2");
            let (again, files) = rewrite(&artifact, "weights.json", &options);
            assert!(files.len() > 2 && files.contains_key("written-2_00001.weights.h5"), "{place}");
            assert_same(&artifact, &read(&again, "weights.json", &place), &place);
            count += 1;
        }
    }
    assert!(count > 5, "only {count} files");
}

#[test]
fn safetensors_keep_config_variables_and_objects() {
    for folder in folders() {
        let path = folder.join("model.keras");
        if !is_zip(&path) {
            continue;
        }
        let place = path.display().to_string();
        let artifact = read(&file_input(&path), "keras", &place);
        let largest = artifact.variables.iter().map(|(_, variable)| variable.data.len()).max().unwrap_or(1);
        for (format, options) in [
            ("safetensors", WriteOptions::new()),
            ("safetensors-sharded", WriteOptions::new().max_shard_bytes(largest)),
        ] {
            let (written, _) = rewrite(&artifact, format, &options);
            let back = read(&written, format, &place);
            assert_same_variables(&artifact, &back, &place);
            assert_eq!(artifact.objects, back.objects, "{place}");
            let json = |tree: &Option<Tree>| tree.as_ref().map(Tree::to_json);
            assert_eq!(json(&artifact.config), json(&back.config), "{place}");
            assert_eq!(json(&artifact.compile_config), json(&back.compile_config), "{place}");
        }
    }
}

#[test]
fn npz_keeps_every_variable_that_numpy_has_a_type_for() {
    for folder in folders() {
        let path = folder.join("model.keras");
        if !is_zip(&path) {
            continue;
        }
        let place = path.display().to_string();
        let artifact = read(&file_input(&path), "keras", &place);
        if artifact.variables.is_empty() {
            continue;
        }
        let (written, _) = rewrite(&artifact, "npz", &WriteOptions::new());
        let back = read(&written, "npz", &place);
        for (path, variable) in artifact.variables.iter() {
            let found = back.variables.get(path).unwrap();
            assert_eq!(variable.shape, found.shape, "{place} {path}");
            assert_eq!(variable.data.bytes().unwrap(), found.data.bytes().unwrap(), "{place} {path}");
        }
    }
}

#[test]
fn inputs_and_outputs_of_golden_models_are_read() {
    let mut count = 0;
    for folder in folders() {
        let path = folder.join("io.npz");
        if path.is_file() {
            let source = kerata_core::MemorySource::shared(std::fs::read(&path).unwrap());
            let arrays = kerata_formats::npz::read_arrays(&source, &Limits::default());
            let arrays = arrays.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            count += arrays.len();
        }
    }
    assert!(count > 500, "only {count} arrays");
}

#[test]
fn content_decides_and_not_the_name() {
    let folder = folders().into_iter().find(|folder| folder.ends_with("keras-3.15/optimizer_adam")).unwrap();
    let zip = std::fs::read(folder.join("model.keras")).unwrap();
    assert_eq!(detect(&Input::bytes("model.h5", zip)).unwrap().name(), "keras");
    let hdf5 = std::fs::read(folder.join("model.weights.h5")).unwrap();
    assert_eq!(detect(&Input::bytes("model.keras", hdf5)).unwrap().name(), "weights.h5");
}

#[test]
fn damage_in_a_small_model_is_found() {
    let folder = folders().into_iter().find(|folder| folder.ends_with("keras-3.15/dense")).unwrap();
    let bytes = std::fs::read(folder.join("model.keras")).unwrap();
    let mut unnoticed = Vec::new();
    for at in (0..bytes.len()).step_by(61) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let input = Input::bytes("model.keras", damaged);
        let read = detect(&input).and_then(|format| format.read(&input, &Limits::default()));
        if read.and_then(|artifact| artifact.verify()).is_ok() {
            unnoticed.push(at);
        }
    }
    // Dates, versions, attributes and modes of the zip records say nothing of the content.
    assert!(unnoticed.len() < 4, "{} of {} bytes: {unnoticed:?}", unnoticed.len(), bytes.len());
}

#[test]
fn layers_have_the_variables_that_their_classes_say() {
    let mut count = 0;
    for folder in folders() {
        for name in ["model.keras", "model.h5"] {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            let place = path.display().to_string();
            let input = file_input(&path);
            let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
            kerata_formats::walk::check_variables(&artifact)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            count += 1;
        }
    }
    assert!(count > 300, "only {count} files");
}
