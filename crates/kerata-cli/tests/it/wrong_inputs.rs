//! `kerata run` with inputs that do not fit: one error that names the input, and nothing written.

use std::path::Path;

use kerata::formats::containers::npy::TextKind;
use kerata::formats::npz;
use kerata_core::array::{Array, Elements};
use kerata_core::{Limits, Variable};

use crate::kerata::{Outcome, golden, kerata};

/// A model of one float input of three numbers, and one of whole numbers.
const DENSE: &str = "keras-3.15/dense/model.keras";
const EMBEDDING: &str = "keras-3.15/embedding/model.keras";

fn run(model: &str, arrays: &[(&str, Array)]) -> (Outcome, Option<Vec<Vec<u64>>>) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("in.npz"), folder.path().join("out.npz"));
    let variables: Vec<(&str, Variable)> =
        arrays.iter().map(|(name, array)| (*name, array.to_variable().unwrap())).collect();
    kerata::save_with(&source, false, |sink| {
        npz::write_arrays(variables.iter().map(|(name, variable)| (*name, variable)), TextKind::Unicode, sink)
    })
    .unwrap();
    let words =
        [Path::new("run"), &golden(model), Path::new("--inputs"), &source, Path::new("--outputs"), &target];
    let outcome = kerata(&words);
    let shapes = target.exists().then(|| {
        let input = kerata::input(&target).unwrap();
        let arrays = npz::read_arrays(input.require_source().unwrap(), &Limits::default()).unwrap();
        arrays.into_iter().map(|(_, variable)| variable.shape).collect()
    });
    (outcome, shapes)
}

/// The name and shape (without the batch) of the only input.
fn only_input(model: &str) -> (String, Vec<usize>) {
    let artifact = kerata::open(golden(model), &kerata::OpenOptions::new()).unwrap();
    let options = kerata::PredictOptions::new();
    let predictor = kerata::predictor(&artifact, None, &kerata::Registry::new(), &options).unwrap();
    let (name, spec) = &predictor.inputs()[0];
    (name.clone(), (1..spec.rank()).map(|axis| spec.size(axis).unwrap()).collect())
}

fn refused(model: &str, arrays: &[(&str, Array)], status: i32, words: &[&str]) {
    let (outcome, written) = run(model, arrays);
    assert_eq!(outcome.status, status, "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "expected `{word}` in: {}", outcome.stderr);
    }
    assert!(written.is_none(), "something was written");
}

fn floats(shape: &[usize], value: f32) -> Array {
    Array::from_f32(shape, vec![value; shape.iter().product()]).unwrap()
}

#[test]
fn a_wrong_shape_names_the_input_and_both_shapes() {
    let (name, shape) = only_input(DENSE);
    let wrong = [&[2], &shape[..], &[5]].concat();
    let named = format!("input `{name}`");
    refused(DENSE, &[("in_0", floats(&wrong, 1.0))], 15, &[&named, "expected the shape", "found"]);
    let wide = [2, shape[0] + 1];
    refused(DENSE, &[(&name, floats(&wide, 1.0))], 15, &[&named, &format!("{}", shape[0] + 1)]);
}

#[test]
fn text_for_numbers_names_the_input() {
    let (name, shape) = only_input(DENSE);
    let count = 2 * shape.iter().product::<usize>();
    let text = Elements::Strings(vec![b"one".to_vec(); count].into());
    let array = Array::new([&[2], &shape[..]].concat(), text).unwrap();
    refused(DENSE, &[("in_0", array)], 15, &[&format!("input `{name}`"), "expected float32"]);
}

#[test]
fn a_missing_name_is_named_beside_those_given() {
    let (name, shape) = only_input(DENSE);
    let array = floats(&[&[2], &shape[..]].concat(), 1.0);
    refused(DENSE, &[("other", array)], 10, &[&format!("`{name}`"), "in_0", "other"]);
    refused(DENSE, &[], 10, &[&format!("`{name}`"), "none"]);
}

#[test]
fn nan_among_whole_numbers_names_the_input() {
    let (name, shape) = only_input(EMBEDDING);
    for value in [f32::NAN, f32::INFINITY] {
        let array = floats(&[&[2], &shape[..]].concat(), value);
        refused(EMBEDDING, &[("in_0", array)], 15, &[&format!("input `{name}`"), "found the value"]);
    }
}

#[test]
fn a_place_outside_a_table_is_an_error() {
    let (_, shape) = only_input(EMBEDDING);
    let array = floats(&[&[2], &shape[..]].concat(), 1e6);
    let (outcome, written) = run(EMBEDDING, &[("in_0", array)]);
    assert!(outcome.status == 2 || outcome.status == 15, "{} {}", outcome.status, outcome.stderr);
    assert!(outcome.stderr.contains("1000000"), "{}", outcome.stderr);
    assert!(written.is_none());
}

#[test]
fn a_batch_of_none_gives_outputs_of_none() {
    for model in ["cnn", "dense", "lstm", "embedding", "transformer_block", "separable_conv2d"] {
        let file = format!("keras-3.15/{model}/model.keras");
        let (name, shape) = only_input(&file);
        let (outcome, shapes) = run(&file, &[(&name, floats(&[&[0], &shape[..]].concat(), 0.0))]);
        assert_eq!(outcome.status, 0, "{model}: {}", outcome.stderr);
        let shapes = shapes.expect("outputs are written");
        assert!(!shapes.is_empty() && shapes.iter().all(|shape| shape[0] == 0), "{model}: {shapes:?}");
    }
}
