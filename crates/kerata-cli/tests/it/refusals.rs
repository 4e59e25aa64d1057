//! Bad input by hand: one clear error with the right status, and nothing written.

use std::fs;
use std::path::Path;

use crate::kerata::{Outcome, golden, kerata};

const DENSE: &str = "keras-3.15/dense/model.keras";

/// Converts `src` into an empty folder; asserts status, words on standard error, and that the folder stays empty.
fn refused(src: &Path, status: i32, words: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("out.keras");
    let outcome = kerata(&[Path::new("convert"), src, &dst]);
    assert_eq!(outcome.status, status, "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "expected `{word}` in: {}", outcome.stderr);
    }
    assert!(outcome.stdout.is_empty(), "{}", outcome.stdout);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
    outcome
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".keras").tempfile().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn a_wrong_path_is_not_found() {
    let outcome =
        refused(Path::new("/no/such/model.keras"), 10, &["no such file", "/no/such/model.keras", "hint: "]);
    assert!(outcome.stderr.starts_with("not found: "), "{}", outcome.stderr);
}

#[test]
fn an_empty_folder_is_no_model() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), 12, &[&folder.path().display().to_string(), "hint: "]);
}

#[test]
fn an_empty_file_is_named_as_such() {
    refused(file(b"").path(), 11, &["empty", "hint: "]);
}

#[test]
fn a_picture_is_named_as_such() {
    refused(file(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").path(), 12, &["PNG", "hint: "]);
}

#[test]
fn a_truncated_file_is_corrupt() {
    let bytes = fs::read(golden(DENSE)).unwrap();
    for len in [20, bytes.len() / 2, bytes.len() - 1] {
        let cut = file(&bytes[..len]);
        refused(cut.path(), 11, &[&cut.path().display().to_string(), "hint: "]);
    }
}

#[test]
fn a_damaged_tensor_is_found_by_convert() {
    let mut bytes = fs::read(golden(DENSE)).unwrap();
    // The weights are the last large thing before the central directory: far from every header.
    let at = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let central = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    assert!(central <= at);
    bytes[central - 16] ^= 0x10;
    refused(file(&bytes).path(), 11, &["model.weights.h5"]);
}

#[test]
fn wrong_usage_is_status_2() {
    assert_eq!(kerata(&["convert", "only-one"]).status, 2);
    assert_eq!(kerata(&["no-such-command"]).status, 2);
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("model.xyz");
    let outcome = kerata(&[Path::new("convert"), &golden(DENSE), &dst]);
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(".keras"), "the known endings are listed: {}", outcome.stderr);
}

#[test]
fn an_existing_target_is_kept() {
    let target = file(b"precious");
    let outcome = kerata(&[Path::new("convert"), &golden(DENSE), target.path()]);
    assert_eq!(outcome.status, 16, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--overwrite"), "{}", outcome.stderr);
    assert_eq!(fs::read(target.path()).unwrap(), b"precious");
    let outcome = kerata(&[Path::new("convert"), Path::new("--overwrite"), &golden(DENSE), target.path()]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

#[test]
fn a_folder_that_is_no_model_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("cat.png"), b"precious").unwrap();
    let arguments = ["convert", "--overwrite", "--to", "keras-folder"].map(Path::new);
    let outcome = kerata(&[&arguments[..], &[&golden(DENSE), &photos]].concat());
    assert_eq!(outcome.status, 16, "{}", outcome.stderr);
    assert_eq!(fs::read(photos.join("cat.png")).unwrap(), b"precious");

    // A model in a folder is.
    let model = folder.path().join("model");
    for _ in 0..2 {
        let outcome = kerata(&[&arguments[..], &[&golden(DENSE), &model]].concat());
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
    assert_eq!(kerata(&[Path::new("diff"), &golden(DENSE), &model]).status, 0);
}

#[test]
fn shards_are_replaced_together_and_old_ones_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("w.weights.json");
    let source = golden("keras-3.15/cnn/model.keras");
    for _ in 0..4 {
        let arguments = ["convert", "--overwrite", "--max-shard-size", "1KB"].map(Path::new);
        let outcome = kerata(&[&arguments[..], &[&source, &index]].concat());
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        assert_eq!(kerata(&[Path::new("inspect"), &index]).status, 0);
    }
    let files = fs::read_dir(folder.path()).unwrap().count();
    // The index, one set of shards, and the first shard of the first set, which Keras opens by name.
    let shards = fs::read_to_string(&index).unwrap().matches("_00000.weights.h5").count();
    assert!(shards > 0 && files <= 8, "{files} files are left");
}

#[test]
fn a_missing_target_folder_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("no/such/out.keras");
    let outcome = kerata(&[Path::new("convert"), &golden(DENSE), &dst]);
    assert_eq!(outcome.status, 10, "{}", outcome.stderr);
}

#[test]
fn errors_are_json_too() {
    let outcome = kerata(&["--json", "inspect", "/no/such/file"]);
    let error = outcome.json();
    assert_eq!(error.path(&["error", "kind"]).unwrap().as_str(), Some("not found"));
    assert_eq!(error.path(&["error", "exit_code"]).unwrap().as_i64(), Some(10));
    assert!(!outcome.stderr.is_empty());
}
