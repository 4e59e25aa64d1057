//! The models of `fixtures/golden` give the numbers that Keras gave.

use std::fs;
use std::path::{Path, PathBuf};

use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Limits, Result, ResultExt, Tree};
use kerata_engine::{ENGINES, SessionOptions};
use kerata_formats::Input;
use kerata_nn::Model;

use crate::cannot::CANNOT;
use crate::closeness::{compare, narrowest};
use crate::custom;

/// Folder of the golden files.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden")
}

/// The models of an era, by name.
pub fn cases(era: &str) -> Vec<(String, PathBuf)> {
    let mut cases: Vec<(String, PathBuf)> = fs::read_dir(golden().join(era))
        .expect("golden files are in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.join("model.keras").exists() && path.join("io.npz").exists())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    cases.sort();
    cases
}

pub fn read(path: &Path) -> Result<Artifact> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", &error))?;
    let input = Input::bytes(path.file_name().unwrap_or_default().to_string_lossy(), bytes);
    kerata_formats::detect(&input)?.read(&input, &Limits::default())
}

/// Arrays `in_0`, `in_1`, ... or `out_0`, ... of `io.npz`.
pub fn arrays(path: &Path, prefix: &str) -> Result<Vec<Array>> {
    let bytes = fs::read(path.join("io.npz")).map_err(|error| Error::io("read", &error))?;
    let source = kerata_core::MemorySource::shared(bytes);
    let arrays = kerata_formats::npz::read_arrays(&source, &Limits::default())?;
    (0..).map_while(|index| arrays.get(&format!("{prefix}_{index}"))).map(Array::from_variable).collect()
}

/// Runs the model of a folder and compares its results.
pub fn run(path: &Path, file: &str) -> Result<()> {
    let artifact = read(&path.join(file))?;
    let inputs = arrays(path, "in")?;
    let mut model = Model::from_artifact(&artifact, &custom::registry())?;
    if model.inputs().is_err() && inputs.is_empty() {
        // Only the config of a model that was never built is saved.
        return Ok(());
    }
    if model.inputs().is_err() {
        model.build(&inputs.iter().map(Array::spec).collect::<Vec<_>>())?;
    }
    let graph = model.trace(false)?;
    let specs = graph.input_specs()?;
    let inputs = inputs
        .into_iter()
        .zip(&specs)
        .map(|(array, spec)| if array.dtype() == spec.dtype { Ok(array) } else { array.cast(spec.dtype) })
        .collect::<Result<Vec<_>>>()?;
    let expected = arrays(path, "out")?;
    let narrowest = narrowest(&graph);
    ENGINES.iter().try_for_each(|engine| {
        let place = || format!("engine {}", engine.name());
        let session =
            engine.prepare(&graph, &|path| model.variable(path), &SessionOptions::default()).at(place)?;
        let outputs = session.run(&inputs).at(place)?;
        if outputs.len() != expected.len() {
            return Err(Error::mismatch(format!(
                "expected {} outputs, found {}",
                expected.len(),
                outputs.len()
            )));
        }
        let mut pairs = outputs.iter().zip(&expected).enumerate();
        pairs
            .try_for_each(|(index, (a, b))| compare(a, b, narrowest).at(|| format!("output {index}")))
            .at(place)
    })
}

/// Number of parameters and the table of layers.
fn facts(path: &Path) -> Result<()> {
    let text = fs::read(path.join("expect.json")).map_err(|error| Error::io("read", &error))?;
    let expect = Tree::parse(&text, &Limits::default())?;
    let model = Model::from_artifact(&read(&path.join("model.keras"))?, &custom::registry())?;
    if model.check().is_err() {
        // The model does not know its inputs, so it has no parameters yet.
        return Ok(());
    }
    let params = expect.get("params").and_then(Tree::as_u64);
    if params.is_some_and(|params| params != model.count_params()) {
        return Err(Error::mismatch(format!(
            "expected {params:?} parameters, found {}",
            model.count_params()
        )));
    }
    let text = |tree: &Tree, index: usize| {
        let items = tree.as_list().unwrap_or_default();
        items.get(index).and_then(Tree::as_str).unwrap_or_default().to_owned()
    };
    if SHOWN_OTHERWISE.iter().any(|(name, _)| path.ends_with(name)) {
        return Ok(());
    }
    // Keras prints no table of what is no model.
    let Some(expected) = expect.get("layers").and_then(Tree::as_list) else { return Ok(()) };
    let expected: Vec<_> = expected.iter().map(|row| (text(row, 0), text(row, 1), text(row, 2))).collect();
    let rows = model.summary(false).rows.into_iter().filter(|row| !row.is_operation);
    let found: Vec<_> = rows.map(|row| (row.name, row.class_name, row.output_shape)).collect();
    if let Some((found, expected)) = found.iter().zip(&expected).find(|(found, expected)| found != expected) {
        return Err(Error::mismatch(format!("expected the row {expected:?}, found {found:?}")));
    }
    if found.len() != expected.len() {
        return Err(Error::mismatch(format!("expected {} rows, found {}", expected.len(), found.len())));
    }
    Ok(())
}

/// Models whose table Keras prints with shapes that its layers do not give.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    ("activations", "glu halves the last axis, Keras's summary does not know"),
    ("bidirectional_backward_layer", "Keras takes the backward layer for as wide as the forward one"),
    ("int4", "Keras loses a size in EinsumDense, and so in the layers after it"),
    ("int4_blocks", "Keras loses a size in EinsumDense, and so in the layers after it"),
    ("int8", "Keras loses a size in EinsumDense, and so in the layers after it"),
    ("lora", "Keras loses a size in EinsumDense, and so in the layers after it"),
    ("random_geometry", "Keras shows the size after the crop, which is done in training"),
];

#[test]
fn models_of_keras_3_give_its_numbers() {
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let mut failed = Vec::new();
    let mut count = 0;
    for era in ["keras-3.15", "keras-3.0", "keras-3.3", "keras-3.6", "keras-3.9", "keras-3.12"] {
        for (name, path) in cases(era) {
            if !only.is_empty() && !only.split(',').any(|part| name == part) {
                continue;
            }
            let is_known = only.is_empty()
                && CANNOT.iter().any(|(known, _)| *known == name || *known == format!("{era}/{name}"));
            count += 1;
            match run(&path, "model.keras").and_then(|()| facts(&path)) {
                Ok(()) if is_known => failed.push(format!("{era}/{name} runs: take it off the list")),
                Err(error) if !is_known => failed.push(format!("{era}/{name}: {error}")),
                _ => {}
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} models:\n{}", failed.len(), failed.join("\n"));
}
