//! Models that are whole files and wrong all the same: members twice, variables missing or too many, classes that nobody knows.

use std::fs;
use std::io::Write;
use std::path::Path;

use kerata::{OpenOptions, SaveOptions};
use kerata_core::{Artifact, DType, Data, Variable};

use crate::kerata::{Outcome, golden, kerata};

const DENSE: &str = "keras-3.15/dense/model.keras";

fn saved(change: impl FnOnce(&mut Artifact)) -> tempfile::NamedTempFile {
    let mut artifact = kerata::open(golden(DENSE), &OpenOptions::new()).unwrap();
    change(&mut artifact);
    let file = tempfile::Builder::new().suffix(".keras").tempfile().unwrap();
    kerata::save(&artifact, file.path(), &SaveOptions::new().overwrite(true)).unwrap();
    file
}

/// Asserts status, the name of the file, words and a hint; and that the folder that was written to stays empty.
fn assert_refused(command: &str, src: &Path, status: i32, words: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let inputs = golden("keras-3.15/dense/io.npz");
    let outcome = match command {
        "run" => {
            let out = folder.path().join("out.npz");
            kerata(&[Path::new("run"), src, Path::new("--inputs"), &inputs, Path::new("--outputs"), &out])
        }
        command => kerata(&[Path::new(command), src, &folder.path().join("out.keras")]),
    };
    assert_eq!(outcome.status, status, "{command}: {}", outcome.stderr);
    let name = src.display().to_string();
    for word in words.iter().chain(&[name.as_str(), "hint: "]) {
        assert!(outcome.stderr.contains(word), "{command}: expected `{word}` in: {}", outcome.stderr);
    }
    assert!(outcome.stdout.is_empty(), "{}", outcome.stdout);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
    outcome
}

#[test]
fn a_member_that_stands_twice_is_corrupt() {
    let twice =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/hostile/zip/duplicate")).unwrap();
    let mut file = tempfile::Builder::new().suffix(".keras").tempfile().unwrap();
    file.write_all(&twice).unwrap();
    for command in ["convert", "run"] {
        assert_refused(command, file.path(), 11, &["stands twice"]);
    }
}

#[test]
fn a_layer_with_too_few_variables_is_named() {
    let file = saved(|artifact| drop(artifact.variables.remove("layers/dense/vars/1")));
    assert_refused("run", file.path(), 15, &["layers/dense/vars/1", "does not hold"]);
    assert_refused("convert", file.path(), 15, &["layer `layers/dense`", "expected 2 variables, found 1"]);
    // The variables alone still can be taken out.
    let folder = tempfile::tempdir().unwrap();
    let outcome = kerata(&[Path::new("convert"), file.path(), &folder.path().join("out.npz")]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

#[test]
fn a_layer_with_too_many_variables_is_named() {
    let file = saved(|artifact| {
        let more = Variable::new(DType::Float32, [1], Data::owned(vec![0; 4])).unwrap();
        artifact.variables.insert("layers/dense/vars/2", more).unwrap();
    });
    assert_refused("run", file.path(), 15, &["layers/dense/vars/2", "does not have"]);
    assert_refused("convert", file.path(), 15, &["layer `layers/dense`", "expected 2 variables, found 3"]);
}

#[test]
fn an_unknown_class_is_named_and_still_converts() {
    let file = saved(|artifact| {
        let text = artifact.config.as_ref().unwrap().to_json().replace("\"Dense\"", "\"Dance\"");
        artifact.config = Some(kerata_core::Tree::parse(text.as_bytes(), &Default::default()).unwrap());
    });
    assert_refused("run", file.path(), 12, &["layer `dense`", "`Dance`"]);
    let folder = tempfile::tempdir().unwrap();
    let outcome = kerata(&[Path::new("convert"), file.path(), &folder.path().join("out.keras")]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}
