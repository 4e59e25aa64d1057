//! What TensorFlow reads from its files, kerata reads too.

use kerata_core::{Artifact, Limits, Tree};
use kerata_formats::detect;

use super::{cases, check_parameters, check_variables, input};

#[test]
fn checkpoints_hold_what_tensorflow_reads() {
    let cases = cases("checkpoint");
    assert!(cases.len() >= 14);
    for (name, folder, expect) in cases {
        let input = input(&folder, &expect);
        let format = detect(&input).unwrap();
        assert_eq!(format.name(), "checkpoint", "{name}");
        let artifact =
            format.read(&input, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        artifact.verify().unwrap();
        check_variables(&name, &artifact, &expect);
        check_parameters(&name, &artifact, &expect);
    }
}

#[test]
fn saved_models_hold_what_tensorflow_reads() {
    let cases = cases("saved_model");
    assert!(cases.len() >= 60);
    for (name, folder, expect) in cases {
        let input = input(&folder, &expect);
        let format = detect(&input).unwrap();
        assert_eq!(format.name(), "saved_model", "{name}");
        let artifact =
            format.read(&input, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        artifact.verify().unwrap();
        check_variables(&name, &artifact, &expect);
        check_parameters(&name, &artifact, &expect);
        check_signatures(&name, &artifact, &expect);
    }
}

fn check_signatures(name: &str, artifact: &Artifact, expect: &Tree) {
    let found = artifact.metadata.extra.get("signatures").and_then(Tree::as_object).unwrap();
    for (signature, facts) in expect.get("signatures").and_then(Tree::as_object).unwrap() {
        for side in ["inputs", "outputs"] {
            for (key, spec) in facts.get(side).and_then(Tree::as_object).unwrap() {
                let tensor = found.get(signature).and_then(|found| found.path(&[side, key])?.as_list());
                let expected = [spec.get("dtype").cloned().unwrap(), spec.get("shape").cloned().unwrap()];
                assert_eq!(tensor, Some(&expected[..]), "{name}: {signature}.{side}.{key}");
            }
        }
    }
}

#[test]
fn variables_of_keras_2_models_lie_where_keras_3_has_them() {
    for (name, paths) in [
        ("tfk_sequential", &["layers/dense/vars/0", "layers/dense_1/vars/1", "optimizer/vars/0"][..]),
        ("tfk_without_traces", &["layers/dense/vars/0", "layers/dense_1/vars/1"]),
        (
            "tfk_functional",
            &["layers/conv2d/vars/0", "layers/batch_normalization/vars/3", "layers/dense_1/vars/0"],
        ),
        (
            "tfk_recurrent",
            &["layers/embedding/vars/0", "layers/simple_rnn/cell/vars/1", "layers/gru/cell/vars/2"],
        ),
    ] {
        let (_, folder, expect) = cases("saved_model").into_iter().find(|case| case.0 == name).unwrap();
        let input = input(&folder, &expect);
        let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
        for path in paths {
            assert!(artifact.variables.get(path).is_some(), "{name}: {path} {:?}", artifact.notes);
        }
    }
    // The config of a model with a class of its own does not say its variables.
    let (_, folder, expect) =
        cases("saved_model").into_iter().find(|case| case.0 == "tfk_subclassed").unwrap();
    let input = input(&folder, &expect);
    let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
    assert!(artifact.variables.get("variables/0").is_some());
}
