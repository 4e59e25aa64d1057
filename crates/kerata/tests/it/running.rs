//! A prepared model gives the same bits whatever the threads, the split of the batch and the callers.

use std::path::{Path, PathBuf};

use kerata::{OpenOptions, PredictOptions, Predictor, Registry};
use kerata_core::array::Array;
use kerata_core::{Limits, Result};

/// Models of every kind of kernel: products, convolutions, loops, attention, normalization, text.
const MODELS: &[&str] = &[
    "attention_masked",
    "batch_normalization",
    "bidirectional",
    "cnn",
    "conv1d_transpose",
    "conv3d",
    "conv_lstm2d",
    "dense",
    "depthwise_conv2d",
    "gru",
    "layer_normalization",
    "lstm_text",
    "many_layers",
    "mixed_float16",
    "multi_head_attention",
    "multi_input",
    "ops_nn",
    "pooling2d",
    "recurrent_masked",
    "resizing",
    "resnet",
    "separable_conv2d",
    "squeeze_excite",
    "tabular",
    "text_vectorization",
    "transformer_block",
    "unet",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/keras-3.15").join(name)
}

fn prepared(name: &str, threads: usize) -> Result<Predictor> {
    let artifact = kerata::open(folder(name).join("model.keras"), &OpenOptions::new())?;
    kerata::predictor(&artifact, None, &Registry::new(), &PredictOptions::new().threads(threads))
}

fn inputs(name: &str) -> Result<Vec<Array>> {
    let input = kerata::input(folder(name).join("io.npz"))?;
    let arrays = kerata::formats::npz::read_arrays(input.require_source()?, &Limits::default())?;
    (0..).map_while(|at| arrays.get(&format!("in_{at}"))).map(Array::from_variable).collect()
}

/// The bytes of outputs: equality of bits, NaN included.
fn bytes(outputs: &[Array]) -> Vec<Vec<u8>> {
    outputs
        .iter()
        .map(|output| {
            let variable = output.to_variable().expect("outputs are plain arrays");
            variable.data.bytes().expect("in memory").to_vec()
        })
        .collect()
}

#[test]
fn bits_do_not_depend_on_threads() {
    for name in MODELS {
        let inputs = inputs(name).unwrap();
        let first = bytes(&prepared(name, 1).unwrap().run(&inputs).unwrap());
        for threads in [2, 4] {
            let predictor = prepared(name, threads).unwrap();
            for _ in 0..2 {
                assert_eq!(bytes(&predictor.run(&inputs).unwrap()), first, "{name} on {threads} threads");
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_split_of_the_batch() {
    for name in MODELS {
        let inputs = inputs(name).unwrap();
        let predictor = prepared(name, 1).unwrap();
        let whole = bytes(&predictor.run(&inputs).unwrap());
        for size in [1, 2, 3] {
            let parts = predictor.run_in_batches(&inputs, size).unwrap();
            assert_eq!(bytes(&parts), whole, "{name} in parts of {size}");
        }
    }
}

#[test]
fn one_predictor_serves_eight_threads() {
    for name in MODELS {
        let inputs = inputs(name).unwrap();
        let predictor = prepared(name, 2).unwrap();
        let wanted = bytes(&predictor.run(&inputs).unwrap());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        assert_eq!(bytes(&predictor.run(&inputs).unwrap()), wanted, "{name}");
                    }
                });
            }
        });
    }
}
