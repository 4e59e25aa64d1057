//! `kerata run --map`: a known function in the place of one whose code is lost.

use std::path::Path;

use kerata::formats::npz;
use kerata_core::Limits;
use kerata_core::array::Array;

use crate::kerata::{golden, kerata};

/// A dense layer with the activation `lambda x: x * x`.
const MODEL: &str = "keras-3.15/lambda_activation/model.keras";
const INPUTS: &str = "keras-3.15/lambda_activation/io.npz";

fn first_output(path: &Path) -> Vec<f32> {
    let input = kerata::input(path).unwrap();
    let arrays = npz::read_arrays(input.require_source().unwrap(), &Limits::default()).unwrap();
    Array::from_variable(arrays.get("out_0").unwrap()).unwrap().as_f32().unwrap().to_vec()
}

#[test]
fn a_lost_lambda_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npz");
    let words = [
        Path::new("run"),
        &golden(MODEL),
        Path::new("--inputs"),
        &golden(INPUTS),
        Path::new("--outputs"),
        &target,
    ];
    let outcome = kerata(&words);
    assert_eq!(outcome.status, 12, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("<lambda>"), "{}", outcome.stderr);
    assert!(!target.exists());
}

#[test]
fn a_mapped_lambda_runs_as_the_function_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npz");
    let (model, inputs) = (golden(MODEL), golden(INPUTS));
    let paths = [&model, &inputs, &target].map(|path| path.to_str().unwrap());
    let outcome =
        kerata(&["run", paths[0], "--inputs", paths[1], "--outputs", paths[2], "--map", "<lambda>=linear"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    // Keras squared what `linear` leaves as it is.
    let (found, expected) = (first_output(&target), first_output(&golden(INPUTS)));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found * found - expected).abs() <= 1e-5 + 1e-4 * expected.abs(), "{found} {expected}");
    }
}
