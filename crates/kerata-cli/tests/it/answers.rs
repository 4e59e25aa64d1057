//! Good input: the answers and their stable field names.

use std::path::Path;

use kerata_core::{Limits, Tree};

use crate::kerata::{golden, kerata};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn inspect_counts_as_keras_does() {
    for name in [
        "dense",
        "cnn",
        "lstm",
        "nested",
        "bidirectional",
        "transformer_block",
        "int8",
        "string_lookup",
        "lora",
    ] {
        let folder = golden("keras-3.15").join(name);
        let expect = std::fs::read(folder.join("expect.json")).unwrap();
        let expect = Tree::parse(&expect, &Limits::default()).unwrap();
        let outcome = kerata(&["inspect", &text(&folder.join("model.keras")), "--json"]);
        assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
        let report = outcome.json();
        assert_eq!(report.get("format").unwrap().as_str(), Some("keras"));
        assert_eq!(report.get("parameters"), expect.get("params"), "{name}");
    }
}

#[test]
fn a_file_equals_itself_and_differs_from_another() {
    let model = text(&golden("keras-3.15/dense/model.keras"));
    let same = kerata(&["diff", &model, &model, "--json"]);
    assert_eq!((same.status, same.json().get("equal").cloned()), (0, Some(Tree::Bool(true))));
    let other = kerata(&["diff", &model, &text(&golden("keras-3.15/cnn/model.keras")), "--json"]);
    assert_eq!(other.status, 1);
}

#[test]
fn converting_to_the_same_format_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dense", "nested", "text_vectorization", "bfloat16", "optimizer_adam"] {
        let src = text(&golden("keras-3.15").join(name).join("model.keras"));
        let dst = text(&folder.path().join(format!("{name}.keras")));
        let outcome = kerata(&["convert", &src, &dst, "--strict"]);
        assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
        assert_eq!(kerata(&["diff", &src, &dst]).status, 0, "{name}");
    }
}

#[test]
fn tree_lists_every_variable_with_statistics() {
    let outcome = kerata(&["tree", "--stats", &text(&golden("keras-3.15/dense/model.keras")), "--json"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let answer = outcome.json();
    let variables = answer.get("variables").unwrap().as_list().unwrap();
    assert!(!variables.is_empty());
    for variable in variables {
        for key in ["path", "dtype", "shape", "bytes", "mean", "std", "min", "max", "nan"] {
            assert!(variable.get(key).is_some(), "no {key} in {}", variable.to_json());
        }
    }
}

#[test]
fn completions_and_man_pages_are_made() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = kerata(&["completions", shell]);
        assert!(outcome.status == 0 && outcome.stdout.contains("kerata"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(kerata(&["completions", "man", &text(folder.path())]).status, 0);
    assert!(folder.path().join("kerata-convert.1").exists());
}

#[test]
fn the_tour_leaves_the_files_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tour");
    let outcome = kerata(&["tour", &text(&dir), "--quick", "--json"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let answer = outcome.json();
    let files = answer.get("files").unwrap().as_list().unwrap();
    let mut models = 0;
    for file in files {
        let path = std::path::Path::new(file.get("path").unwrap().as_str().unwrap());
        assert!(path.starts_with(&dir) && path.exists(), "{}", path.display());
        if path.extension().is_some_and(|ending| ending == "keras") {
            assert_eq!(kerata(&["inspect", &text(path)]).status, 0, "{}", path.display());
            models += 1;
        }
    }
    assert!(models >= 6, "{models}");
    let report = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(report.contains("<svg") && !report.contains("{{"), "every place of the page is filled");
}
