//! ONNX models, against what the `onnx` package reads in them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use kerata_core::{Artifact, ErrorKind, Limits, MemorySource, Result, Tree, Variable};
use kerata_formats::{Input, MemoryFolder, Output, WriteOptions, by_name, detect};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/onnx")
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

fn read(input: &Input) -> Result<Artifact> {
    let format = detect(input)?;
    assert_eq!(format.name(), "onnx");
    format.read(input, &Limits::default())
}

fn expected() -> Tree {
    Tree::parse(&bytes("expected.json"), &Limits::default()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// dtype, shape and bytes as the `onnx` package noted them.
fn noted(variable: &Variable) -> Tree {
    let data = match variable.data.as_strings() {
        Some(texts) => Tree::from(texts.iter().map(|text| hex(text)).collect::<Vec<_>>()),
        None => Tree::from(hex(&variable.data.bytes().unwrap())),
    };
    let shape: Vec<Tree> = variable.shape.iter().map(|size| Tree::from(*size)).collect();
    Tree::from([
        ("dtype", Tree::from(variable.dtype.to_string())),
        ("shape", Tree::List(shape)),
        ("bytes", data),
    ])
}

#[test]
fn every_tensor_is_what_onnx_reads() {
    let expected = expected();
    for name in ["keras", "raw", "fields", "beside"] {
        let beside = MemoryFolder::shared([("beside.bin".to_owned(), bytes("beside.bin"))]);
        let file = format!("{name}.onnx");
        let input = Input::file_in(&file, MemorySource::shared(bytes(&file)), beside);
        let artifact = read(&input).unwrap();
        let expected = expected.get(name).and_then(Tree::as_object).unwrap();
        assert_eq!(artifact.variables.len(), expected.len(), "{name}");
        for (path, tensor) in expected {
            let variable = artifact.variables.get(path).unwrap_or_else(|| panic!("{name}: no `{path}`"));
            assert_eq!(&noted(variable), tensor, "{name}: {path}");
        }
    }
}

#[test]
fn parameters_and_ports_are_those_of_the_model_that_keras_exported() {
    let artifact = read(&Input::bytes("keras.onnx", bytes("keras.onnx"))).unwrap();
    assert_eq!(Some(artifact.parameters() as i64), expected().get("count_params").and_then(Tree::as_i64));
    let about = artifact.metadata.extra.get("onnx").unwrap();
    let inputs = about.get("inputs").and_then(Tree::as_object).unwrap();
    assert_eq!(
        inputs.values().map(|kind| kind.as_str().unwrap()).collect::<Vec<_>>(),
        ["float32 (unk__31, 6, 6, 2)"]
    );
    assert_eq!(about.path(&["ops", "Conv"]).and_then(Tree::as_i64), Some(1));
    assert_eq!(about.get("producer_name").and_then(Tree::as_str), Some("tf2onnx"));
}

#[test]
fn a_cut_file_is_corrupt_and_its_tensors_stay_in_the_folder() {
    let whole = bytes("keras.onnx");
    for len in [whole.len() - 1, whole.len() / 2, 40] {
        let error = read(&Input::bytes("cut.onnx", whole[..len].to_vec())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
    let outside = bytes("beside.onnx");
    let at = outside.windows(10).position(|part| part == b"beside.bin").unwrap();
    let mut outside = outside;
    outside[at..at + 10].copy_from_slice(b"../pas.swd");
    let folder = MemoryFolder::shared([("../pas.swd".to_owned(), vec![0; 4096])]);
    let error = read(&Input::file_in("beside.onnx", MemorySource::shared(outside), folder)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
}

#[test]
fn writing_is_refused() {
    let artifact = Artifact::new();
    let refused = by_name("onnx").unwrap().write(
        &artifact,
        &mut Output::File(&mut Vec::new()),
        &WriteOptions::default(),
    );
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}
