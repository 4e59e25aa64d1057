//! Graphs of TensorFlow become the kernels that the layers themselves become.

use std::path::Path;

use kerata::OpenOptions;
use kerata_core::{Array, Error, Result};
use kerata_engine::cpu::Cpu;

/// The kernels that a SavedModel of the fixtures becomes.
fn kernels(name: &str) -> Result<Vec<String>> {
    kernels_of(&format!("{name}/model"))
}

/// The kernels of the default signature of a file or folder of the fixtures.
fn kernels_of(path: &str) -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tensorflow/golden");
    let artifact = kerata::open(folder.join(path), &OpenOptions::new())?;
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

#[test]
fn normalization_and_activation_go_into_their_convolution() {
    // Two convolutions, of which one takes the sum, the mean, and the classes; nothing of the normalization is left.
    assert_eq!(kernels("k3_residual").unwrap(), ["conv+", "conv+", "reduce", "matmul+"]);
    let frozen = kernels_of("frozen_convnet/frozen.pb").unwrap();
    assert_eq!(frozen, ["conv+", "depthwise+", "reduce", "matmul+"]);
}

#[test]
fn dense_layers_of_three_axes_are_one_kernel() {
    assert_eq!(kernels("k3_dense_3d").unwrap(), ["matmul+"]);
    // Attention has a mask to lay over the scores; biases, gelu, sums and normalization are in the products before them.
    let kernels = kernels("k3_transformer").unwrap();
    let found = |kernel: &str| kernels.iter().filter(|name| *name == kernel).count();
    assert_eq!((found("fused"), found("matmul+")), (1, 8), "{kernels:?}");
}
