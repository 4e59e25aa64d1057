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

/// The optimizer's variables by the place that Keras gives them.
fn optimizer(artifact: &Artifact) -> BTreeMap<usize, (String, Vec<u64>, Vec<u8>)> {
    let place = |path: &str| path.rsplit('/').next()?.parse().ok();
    let state = artifact.optimizer().filter_map(|(path, variable)| {
        let bytes = variable.data.bytes().unwrap().into_owned();
        Some((place(path)?, (variable.dtype.name().to_string(), variable.shape.clone(), bytes)))
    });
    state.collect()
}

/// A model with weights and optimizer state of a file that has no config.
fn beside_config(found: Artifact, model: &Artifact) -> Artifact {
    let mut whole = with_config(found.clone(), model);
    let state: BTreeMap<usize, _> = found
        .optimizer()
        .map(|(path, variable)| (path.rsplit('/').next().unwrap().parse().unwrap(), variable.data.clone()))
        .collect();
    if found.config.is_none() {
        for (path, variable) in whole.variables.iter_mut() {
            if let Some(place) = path.strip_prefix("optimizer/vars/") {
                variable.data = state[&place.parse::<usize>().unwrap()].clone();
            }
        }
    }
    whole
}

#[test]
fn every_pair_of_formats_keeps_the_state_of_the_optimizer() {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = 0;
    for name in ["optimizer_adam", "optimizer_sgd_momentum", "optimizer_rmsprop_centered"] {
        let model = open(&golden("golden/keras-3.15").join(name).join("model.keras"));
        let expected = optimizer(&model);
        assert!(expected.len() > 2, "{name}");
        let known = weights(&model);
        for from in FORMATS {
            let id = format!("{name}-{}", from.0.replace('.', "_"));
            let read = open(&save(&model, folder.path(), &id, *from));
            assert_eq!(optimizer(&read), expected, "{name} as {}", from.0);
            let whole = beside_config(read, &model);
            for to in FORMATS {
                let id = format!("{id}-{}", to.0.replace('.', "_"));
                let back = open(&save(&whole, folder.path(), &id, *to));
                assert_eq!(optimizer(&back), expected, "{name}: {} to {}", from.0, to.0);
                assert_eq!(weights(&back), known, "{name}: {} to {}", from.0, to.0);
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
}

/// Changes one bit of the last element of a variable.
fn flip(artifact: &mut Artifact, path: &str) {
    let variable = artifact.variables.get_mut(path).unwrap();
    let mut bytes = variable.data.bytes().unwrap().into_owned();
    *bytes.last_mut().unwrap() ^= 1;
    variable.data = kerata::core::Data::owned(bytes);
}

/// Files that differ, with the places that do.
fn differences(old: &Path, new: &Path) -> BTreeMap<String, Vec<usize>> {
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    files(old, old, &mut a);
    files(new, new, &mut b);
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let differ = |(name, old): (String, Vec<u8>)| {
        let new = &b[&name];
        assert_eq!(old.len(), new.len(), "{name}");
        let places: Vec<usize> = (0..old.len()).filter(|&at| old[at] != new[at]).collect();
        (!places.is_empty()).then_some((name, places))
    };
    a.into_iter().filter_map(differ).collect()
}

#[test]
fn a_saved_model_with_one_new_value_keeps_every_other_byte() {
    let folder = tempfile::tempdir().unwrap();
    let options = SaveOptions::new().format(kerata::formats::by_name("saved_model").unwrap());
    let mut seen = 0;
    for entry in std::fs::read_dir(golden("tensorflow/golden")).unwrap().flatten() {
        let model = entry.path().join("model");
        if !model.join("saved_model.pb").exists() {
            continue;
        }
        let mut changed = open(&model);
        let numbers = |dtype: DType| dtype.is_float() && dtype.size() == Some(4);
        let path = changed.variables.iter().find(|(_, v)| numbers(v.dtype) && v.elements() > 0);
        let Some(path) = path.map(|(path, _)| path.to_owned()) else { continue };
        flip(&mut changed, &path);
        let again = folder.path().join(entry.file_name());
        if kerata::save(&changed, &again, &options).is_err() {
            // Cut into slices, and with ops that cannot be written anew.
            continue;
        }
        let back = open(&again);
        assert_eq!(
            back.variables.get(&path).unwrap().data.bytes().unwrap(),
            changed.variables.get(&path).unwrap().data.bytes().unwrap()
        );
        let cut = std::fs::read(model.join("variables/variables.index")).unwrap();
        if entry.file_name().to_string_lossy().contains("partition") || cut.is_empty() {
            continue;
        }
        let differ = differences(&model, &again);
        let names: Vec<&str> = differ.keys().map(String::as_str).collect();
        assert!(names.iter().all(|name| name.starts_with("variables/")), "{}: {names:?}", model.display());
        // One byte a copy of the variable; two checksums, of the tensor and of the block of the index.
        let data: usize =
            differ.iter().filter(|(name, _)| name.contains(".data-")).map(|(_, at)| at.len()).sum();
        assert!((1..=2).contains(&data), "{}: {data} bytes", model.display());
        assert!(differ["variables/variables.index"].len() <= 4 * (data + 1));
        seen += 1;
    }
    assert!(seen > 35, "{seen}");
}

#[test]
fn a_checkpoint_goes_back_with_what_is_new_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = SaveOptions::new().format(kerata::formats::by_name("checkpoint").unwrap());
    let mut seen = 0;
    for entry in std::fs::read_dir(golden("tensorflow/golden")).unwrap().flatten() {
        let names =
            std::fs::read_dir(entry.path()).into_iter().flatten().flatten().map(|file| file.file_name());
        let index = names.filter_map(|name| name.into_string().ok()).find(|name| name.ends_with(".index"));
        let Some(prefix) = index.as_deref().and_then(|name| name.strip_suffix(".index")) else { continue };
        let source = entry.path().join(prefix);
        let mut artifact = open(&source);
        let target = folder.path().join(entry.file_name());
        std::fs::create_dir_all(&target).unwrap();
        let here = |folder: &Path, name: &str| {
            let mut found = BTreeMap::new();
            files(folder, folder, &mut found);
            let own = found.into_iter().filter_map(|(file, bytes)| {
                let rest = file.strip_prefix(name)?.to_owned();
                (rest == ".index" || rest == ".meta" || rest.starts_with(".data-")).then_some((rest, bytes))
            });
            own.collect::<BTreeMap<String, Vec<u8>>>()
        };
        kerata::save(&artifact, target.join("same"), &options).unwrap();
        assert!(here(&entry.path(), prefix) == here(&target, "same"), "{}", source.display());
        let path = artifact.variables.iter().find(|(_, v)| v.dtype == DType::Float32 && v.elements() > 0);
        let Some(path) = path.map(|(path, _)| path.to_owned()) else { continue };
        flip(&mut artifact, &path);
        kerata::save(&artifact, target.join("new"), &options).unwrap();
        let back = open(&target.join("new"));
        assert_eq!(weights(&back), weights(&artifact));
        let (old, new) = (here(&entry.path(), prefix), here(&target, "new"));
        if !old.keys().eq(new.keys()) {
            // A variable that is cut into slices is written anew.
            continue;
        }
        let apart = |name: &String| old[name].iter().zip(&new[name]).filter(|(a, b)| a != b).count();
        let data: usize = old.keys().filter(|name| name.starts_with(".data-")).map(apart).sum();
        if data == 1 {
            assert!(apart(&".index".to_owned()) <= 8);
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn names_of_signatures_and_assets_change_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = golden("tensorflow/golden/k3_mlp/model");
    let artifact = open(&source);
    let signature = kerata::export::Signature::new("predict").trace("serving_default");
    let serve = kerata::export::Signature::new("serve").trace("serve");
    let options = kerata::export::ExportOptions::new().signature(signature).signature(serve);
    let options = options.check(kerata::export::Check::Off);
    let renamed = folder.path().join("renamed");
    kerata::export::export(&artifact, &renamed, &Registry::new(), &options).unwrap();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    files(&source, &source, &mut old);
    files(&renamed, &renamed, &mut new);
    let (before, after) = (old.remove("saved_model.pb").unwrap(), new.remove("saved_model.pb").unwrap());
    assert!(old == new);
    let names = open(&renamed).traces.unwrap().names();
    assert!(
        names.contains(&"predict".to_owned()) && !names.contains(&"serving_default".to_owned()),
        "{names:?}"
    );
    // Two names become shorter; the lengths around them are of the same width or one byte less.
    let shorter = 2 * ("serving_default".len() - "predict".len());
    assert!(
        (shorter..shorter + 6).contains(&(before.len() - after.len())),
        "{} {}",
        before.len(),
        after.len()
    );

    let tables = std::fs::read_dir(golden("tensorflow/golden"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("model"));
    let source = tables.filter(|model| model.join("assets").exists()).min().unwrap();
    let mut artifact = open(&source);
    let (name, _) = artifact.assets.first().unwrap();
    let name = name.clone();
    artifact.assets.insert(name.clone(), kerata::core::Data::owned(b"other\nwords\n".to_vec()));
    let replaced = folder.path().join("replaced");
    let options = SaveOptions::new().format(kerata::formats::by_name("saved_model").unwrap());
    kerata::save(&artifact, &replaced, &options).unwrap();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    files(&source, &source, &mut old);
    files(&replaced, &replaced, &mut new);
    let key = format!("assets/{name}");
    assert_eq!(new.remove(&key).unwrap(), b"other\nwords\n");
    old.remove(&key);
    assert!(old == new);
}
