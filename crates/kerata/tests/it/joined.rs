//! Weights of one file and the config of another are the model that a whole file of the same golden model is.

use std::path::Path;

use kerata::core::Artifact;
use kerata::{OpenOptions, open, open_with};

use crate::golden;

/// Files of weights alone, of every era.
const WEIGHTS: &[&str] = &["model.weights.h5", "sharded.weights.json", "weights_only.h5"];

fn weights(artifact: &Artifact) -> Vec<(String, Vec<u64>, Vec<u8>)> {
    let found = artifact.weights().filter(|(_, variable)| variable.data.as_strings().is_none());
    let mut found: Vec<_> = found
        .map(|(path, variable)| {
            (path.to_owned(), variable.shape.clone(), variable.data.bytes().unwrap().into_owned())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn weights_find_their_layers_by_the_config_of_another_file() {
    let options = OpenOptions::new();
    let mut seen = [0; WEIGHTS.len()];
    for golden in golden::all() {
        for (count, name) in seen.iter_mut().zip(WEIGHTS) {
            let path = golden.folder.join(name);
            for model in ["model.keras", "model.h5"].map(|name| golden.folder.join(name)) {
                if !path.is_file() || !model.is_file() {
                    continue;
                }
                let place = format!("{}/{name} with {}", golden.id, model.display());
                if (golden.id.as_str(), *name) == ("keras-2.12/dense", "model.weights.h5") {
                    // Keras 2.12 counts each layer twice there, so that the names of layers do not tell which they are.
                    let error = open_with(&path, &model, &options).unwrap_err();
                    assert_eq!(error.kind(), kerata::core::ErrorKind::Mismatch, "{place}");
                    continue;
                }
                let whole = open(&model, &options).unwrap();
                let joined =
                    open_with(&path, &model, &options).unwrap_or_else(|error| panic!("{place}: {error}"));
                assert_eq!(weights(&joined), weights(&whole), "{place}");
                *count += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count >= 6), "{seen:?}");
}

#[test]
fn a_config_alone_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions::new();
    for (era, model) in [("keras-3.15", "model.keras"), ("tf-keras-2.21", "model.h5")] {
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden").join(era).join("dense");
        let whole = open(golden.join(model), &options).unwrap();
        let mut config = whole.original_config.clone().or(whole.config.clone()).unwrap();
        // As `to_json` of Keras 2 has it.
        let version = whole.metadata.keras_version.clone().unwrap();
        config.as_object_mut().unwrap().insert("keras_version".to_owned(), version.into());
        let json = folder.path().join("config.json");
        std::fs::write(&json, config.to_json()).unwrap();
        let joined = open_with(golden.join("model.weights.h5"), &json, &options).unwrap();
        assert_eq!(weights(&joined), weights(&whole), "{era}");
    }
}

#[test]
fn weights_of_another_model_are_refused_by_the_name_of_a_layer() {
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden").join(name);
    let weights = golden("keras-3.15/dense/model.weights.h5");
    let model = golden("keras-3.15/cnn/model.keras");
    let error = open_with(weights, model, &OpenOptions::new()).unwrap_err();
    assert_eq!(error.kind(), kerata::core::ErrorKind::Mismatch);
    assert!(error.trail().any(|place| place.starts_with("layer `layers/")), "{error}");
}
