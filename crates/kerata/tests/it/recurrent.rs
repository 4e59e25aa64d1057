//! Loops of recurrent layers from a SavedModel go through their steps in place, as those from a `.keras` file do.

use std::path::Path;

use kerata::OpenOptions;
use kerata_core::{Array, Error, Result};
use kerata_engine::cpu::Cpu;

/// The kernels that a SavedModel of the fixtures becomes.
fn kernels(name: &str) -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tensorflow/golden");
    let artifact = kerata::open(folder.join(name).join("model"), &OpenOptions::new())?;
    let traces = artifact.traces.as_ref().ok_or_else(|| Error::not_found("no program"))?;
    let graph = traces.graph("serving_default")?;
    let variables = |path: &str| {
        let variable = match artifact.variables.get(path) {
            Some(variable) => Some(variable.clone()),
            None => traces.start(path)?,
        };
        Array::from_variable(&variable.ok_or_else(|| Error::not_found(path))?)
    };
    Cpu::new().explain(&graph, &variables)
}

#[test]
fn loops_of_saved_models_are_cells() {
    for name in ["k3_lstm", "k3_gru", "k3_simple_rnn", "k3_bidirectional"] {
        let kernels = kernels(name).unwrap();
        let found = |kernel: &str| kernels.iter().filter(|name| *name == kernel).count();
        assert!(found("recurrent") > 0, "{name}: {kernels:?}");
        assert_eq!(found("scan") + found("while"), 0, "{name}: {kernels:?}");
    }
}
