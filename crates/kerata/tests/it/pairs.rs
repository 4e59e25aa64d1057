//! Weights move between every pair of formats and back, bit for bit; an unchanged SavedModel goes back byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kerata::core::{Artifact, DType};
use kerata::{OpenOptions, Registry, SaveOptions};

/// Formats that hold the weights of a model, with the ending that chooses them; some are chosen by name.
const FORMATS: &[(&str, &str)] = &[
    ("keras", ".keras"),
    ("keras-folder", ""),
    ("weights.h5", ".weights.h5"),
    ("weights.json", ".weights.json"),
    ("h5", ".h5"),
    ("safetensors", ".safetensors"),
    ("npz", ".npz"),
    ("checkpoint", ""),
    ("saved_model", ""),
];

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

fn open(path: &Path) -> Artifact {
    kerata::open(path, &OpenOptions::new()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Dtype, sizes and bytes of all weights, whatever the format calls and orders them.
fn weights(artifact: &Artifact) -> Vec<(String, Vec<u64>, Vec<u8>)> {
    let mut all: Vec<_> = artifact
        .weights()
        .filter(|(_, variable)| variable.dtype != DType::String)
        .map(|(_, variable)| {
            let bytes = variable.data.bytes().unwrap().into_owned();
            (variable.dtype.name().to_string(), variable.shape.clone(), bytes)
        })
        .collect();
    all.sort();
    all
}

fn save(artifact: &Artifact, folder: &Path, name: &str, format: (&str, &str)) -> PathBuf {
    let path = folder.join(format!("{name}{}", format.1));
    let options = SaveOptions::new().format(kerata::formats::by_name(format.0).unwrap());
    let artifact = match format.0 {
        "saved_model" => kerata::traced(artifact, &Registry::new()).unwrap(),
        _ => artifact.clone(),
    };
    kerata::save(&artifact, &path, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    path
}

/// Formats that hold weights only give back a model when they are put beside its config.
fn with_config(mut weights: Artifact, model: &Artifact) -> Artifact {
    if weights.config.is_some() {
        return weights;
    }
    let found: Vec<_> = weights.variables.iter().map(|(_, variable)| variable.clone()).collect();
    let mut whole = model.clone();
    let mut left: Vec<_> = found.into_iter().map(Some).collect();
    for (_, variable) in whole.variables.iter_mut() {
        let same = left.iter_mut().find(|other| {
            other.as_ref().is_some_and(|other| other.shape == variable.shape && other.dtype == variable.dtype)
        });
        if let Some(other) = same.and_then(Option::take) {
            variable.data = other.data;
        }
    }
    weights.notes.clear();
    whole
}

#[test]
fn every_pair_of_formats_keeps_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = 0;
    // All variables of these models differ in dtype or shape, so that each is known by its looks alone.
    for name in ["dense", "lstm", "separable_conv2d"] {
        let model = open(&golden("golden/keras-3.15").join(name).join("model.keras"));
        let mut model = model;
        model.drop_optimizer();
        let expected = weights(&model);
        assert!(!expected.is_empty());
        for from in FORMATS {
            let there = save(&model, folder.path(), &format!("{name}-{}", from.0.replace('.', "_")), *from);
            let read = open(&there);
            assert_eq!(weights(&read), expected, "{name} as {}", from.0);
            let whole = with_config(read, &model);
            for to in FORMATS {
                let id = format!("{name}-{}-{}", from.0.replace('.', "_"), to.0.replace('.', "_"));
                let back = open(&save(&whole, folder.path(), &id, *to));
                assert_eq!(weights(&back), expected, "{name}: {} to {}", from.0, to.0);
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 3 * FORMATS.len() * FORMATS.len());
}

fn files(root: &Path, at: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(at).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files(root, &entry.path(), found),
            false => {
                let name = entry.path().strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
}

#[test]
fn an_unchanged_saved_model_goes_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let options = SaveOptions::new().format(kerata::formats::by_name("saved_model").unwrap());
    let mut seen = 0;
    for entry in std::fs::read_dir(golden("tensorflow/golden")).unwrap().flatten() {
        let model = entry.path().join("model");
        if !model.join("saved_model.pb").exists() {
            continue;
        }
        let artifact = open(&model);
        if artifact.traces.is_none() {
            continue;
        }
        let again = folder.path().join(entry.file_name());
        kerata::save(&artifact, &again, &options).unwrap();
        let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
        files(&model, &model, &mut old);
        files(&again, &again, &mut new);
        assert!(old == new, "{}", model.display());
        seen += 1;
    }
    assert!(seen > 40, "{seen}");

    // With another value the graph is written anew.
    let mut changed = open(&golden("tensorflow/golden/k3_mlp/model"));
    let (_, first) = changed.variables.iter_mut().next().unwrap();
    let mut bytes = first.data.bytes().unwrap().into_owned();
    bytes[0] ^= 1;
    first.data = kerata::core::Data::owned(bytes);
    let path = folder.path().join("changed");
    kerata::save(&changed, &path, &options).unwrap();
    assert_eq!(weights(&open(&path)).len(), weights(&changed).len());
}
