//! Models of Keras 1 and 2 give the numbers that these gave.

use std::fs;
use std::path::PathBuf;

use crate::golden::{golden, run};

/// Models that do not give these numbers yet, and why.
const CANNOT: &[(&str, &str)] = &[
    ("keras-2.1/lambda_layer", "Python code is not executed"),
    (
        "tf-keras-2.21/composed_training",
        "`time_major` inside `Bidirectional`: `kerata` exchanges axes around it",
    ),
    ("tf-keras-2.21/lambda_layer", "Python code is not executed"),
    ("tf-keras-2.21/locally_connected_same", "`RandomCrop`: `kerata` puts a `Resizing` behind it"),
    (
        "tf-keras-2.21/random_fourier_features",
        "`RandomFourierFeatures`: `kerata` writes it as layers of Keras 3",
    ),
    ("tf-keras-2.21/tf_gather_batch", "ranks of tensors: `kerata` tells them, not this crate"),
    ("tf-keras-2.21/tf_products", "the file does not hold the inputs of `einsum`"),
    ("tf-keras-2.21/tf_shapes", "sizes of tensors: `kerata` tells them, not this crate"),
    ("tf-keras-2.21/tf_sizes", "sizes of tensors"),
    ("tf-keras-2.21/tf_slicing", "sizes of tensors"),
];

/// The HDF5 models of an era, by name.
fn cases(era: &str) -> Vec<(String, PathBuf)> {
    let mut cases: Vec<(String, PathBuf)> = fs::read_dir(golden().join(era))
        .expect("golden files are in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.join("model.h5").exists() && path.join("io.npz").exists())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    cases.sort();
    cases
}

#[test]
fn models_of_older_keras_give_their_numbers() {
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let mut failed = Vec::new();
    let mut count = 0;
    for era in [
        "keras-1.0",
        "keras-1.2",
        "keras-2.0",
        "keras-2.1",
        "keras-2.2",
        "keras-2.3",
        "keras-2.12",
        "tf-keras-2.21",
        "tf-keras-graph",
    ] {
        for (name, path) in cases(era) {
            if !only.is_empty() && !only.split(',').any(|part| name == part) {
                continue;
            }
            let case = format!("{era}/{name}");
            let is_known = CANNOT.iter().any(|(known, _)| *known == case);
            count += 1;
            match run(&path, "model.h5") {
                Ok(()) if is_known => failed.push(format!("{case} runs: take it off the list")),
                Err(error) if !is_known => failed.push(format!("{case}: {error}")),
                _ => {}
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} models:\n{}", failed.len(), failed.join("\n"));
}
