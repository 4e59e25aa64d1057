//! Traces in `.keras` files: a saved model runs without the code of its layers, and a trace that no longer fits is said so.

use std::path::{Path, PathBuf};

use kerata::core::array::Array;
use kerata::core::{Artifact, ErrorKind, Limits, Tree};
use kerata::formats::keras::TRACE;
use kerata::formats::npz;
use kerata::{Model, OpenOptions, PredictOptions, Registry, SaveOptions};

use crate::custom;

/// Golden models that hold classes or functions of their own.
const CUSTOM: &[&str] = &[
    "custom_containers",
    "custom_functions",
    "custom_layer",
    "custom_shared_nested",
    "custom_store",
    "subclassed",
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/keras-3.15").join(name)
}

fn inputs(name: &str) -> Vec<Array> {
    let input = kerata::input(golden(name).join("io.npz")).unwrap();
    let arrays = npz::read_arrays(input.require_source().unwrap(), &Limits::default()).unwrap();
    let numbered = (0..).map_while(|index| arrays.get(&format!("in_{index}")));
    numbered.map(|variable| Array::from_variable(variable).unwrap()).collect()
}

fn open(path: &Path) -> Artifact {
    kerata::open(path, &OpenOptions::new()).unwrap()
}

/// The model with its code, built for the inputs where it does not know them.
fn model(name: &str) -> Model {
    let mut model =
        Model::from_artifact(&open(&golden(name).join("model.keras")), &custom::registry()).unwrap();
    if model.check().is_err() {
        let batched = |input: &Array| {
            let mut spec = input.spec();
            let axes = spec.shape.axes().iter().enumerate().map(|(at, size)| size.filter(|_| at > 0));
            spec.shape = kerata::core::Shape::new(axes.collect::<Vec<_>>());
            spec
        };
        model.build(&inputs(name).iter().map(batched).collect::<Vec<_>>()).unwrap();
    }
    model
}

fn run(artifact: &Artifact, registry: &Registry, inputs: &[Array]) -> kerata::core::Result<Vec<Array>> {
    kerata::predictor(artifact, None, registry, &PredictOptions::new())?.run(inputs)
}

fn bytes(arrays: &[Array]) -> Vec<Vec<u8>> {
    arrays.iter().map(|array| array.to_data().bytes().unwrap().into_owned()).collect()
}

#[test]
fn custom_layers_run_without_their_code_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for name in CUSTOM {
        let (model, inputs) = (model(name), inputs(name));
        let expected = kerata::Predictor::new(&model, &PredictOptions::new()).unwrap().run(&inputs).unwrap();
        let path = folder.path().join(format!("{name}.keras"));
        kerata::save(&model.to_artifact(), &path, &SaveOptions::new()).unwrap();
        let saved = open(&path);
        let found = run(&saved, &Registry::new(), &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(bytes(&found), bytes(&expected), "{name}");

        // Once more from the file, which keeps what it brought: the same bytes.
        let again = folder.path().join(format!("{name}.again.keras"));
        kerata::save(&saved, &again, &SaveOptions::new()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&again).unwrap(), "{name}");
    }
}

#[test]
fn the_weights_are_in_the_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = model("custom_layer").to_artifact();
    let size = |traces: bool| {
        let path = folder.path().join(format!("{traces}.keras"));
        kerata::save(&artifact, &path, &SaveOptions::new().traces(traces)).unwrap();
        let saved = open(&path);
        assert_eq!(saved.traces.is_some(), traces);
        assert_eq!(saved.variables.len(), artifact.variables.len());
        let weights = saved.weights().map(|(_, variable)| variable.data.len()).sum::<u64>();
        (std::fs::metadata(&path).unwrap().len(), weights)
    };
    let ((with, weights), (without, _)) = (size(true), size(false));
    assert!(weights > 0 && with > without && with < without + (16 << 10), "{with} and {without}");
}

#[test]
fn models_of_built_in_layers_carry_traces_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = open(&golden("dropouts").join("model.keras"));
    let path = folder.path().join("plain.keras");
    kerata::save(&artifact, &path, &SaveOptions::new()).unwrap();
    assert!(open(&path).traces.is_none());
    kerata::save(&artifact, &path, &SaveOptions::new().traces(true).overwrite(true)).unwrap();
    let names = open(&path).traces.unwrap().names();
    assert_eq!(names, ["serving_default", "training"], "dropout differs in training");
}

#[test]
fn a_trace_cannot_be_had_without_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = open(&golden("custom_layer").join("model.keras"));
    let path = folder.path().join("model.keras");
    let error = kerata::save(&artifact, &path, &SaveOptions::new().traces(true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!path.exists());
    kerata::save(&artifact, &path, &SaveOptions::new()).unwrap();
    let options = SaveOptions::new().traces(true).registry(&custom::registry()).overwrite(true);
    kerata::save(&artifact, &path, &options).unwrap();
    assert!(open(&path).traces.is_some());
}

/// What a program that does not know of traces leaves behind: other members are changed, the trace is not.
#[test]
fn a_trace_of_another_config_or_of_other_weights_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let options = SaveOptions::new().format(kerata::formats::by_name("keras-folder").unwrap());
    kerata::save(&model("custom_layer").to_artifact(), &path, &options).unwrap();
    let inputs = inputs("custom_layer");
    assert!(run(&open(&path), &Registry::new(), &inputs).is_ok());

    let config = std::fs::read_to_string(path.join("config.json")).unwrap();
    let changed = config.replacen("\"relu\"", "\"tanh\"", 1);
    let changed = if changed == config { config.replacen("\"units\": ", "\"units\": 1", 1) } else { changed };
    assert_ne!(config, changed);
    std::fs::write(path.join("config.json"), &changed).unwrap();
    let stale = open(&path);
    assert!(
        stale.notes.iter().any(|note| note.contains("before the config was changed")),
        "{:?}",
        stale.notes
    );
    let error = run(&stale, &Registry::new(), &inputs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("before the config was changed"), "{error}");
    let saved = kerata::save(&stale, folder.path().join("again.keras"), &SaveOptions::new()).unwrap();
    assert_eq!(saved.losses.losses().len(), 1);
    assert!(open(&folder.path().join("again.keras")).traces.is_none());

    // The spelling of the config does not matter.
    let tree = Tree::parse(config.as_bytes(), &Limits::default()).unwrap();
    std::fs::write(path.join("config.json"), tree.to_pretty_json(2)).unwrap();
    assert!(run(&open(&path), &Registry::new(), &inputs).is_ok());

    let mut fewer = open(&path);
    let (first, _) = fewer.variables.iter().next().map(|(path, v)| (path.to_owned(), v.clone())).unwrap();
    fewer.variables.get_mut(&first).unwrap().shape.push(1);
    let saved = kerata::save(&fewer, folder.path().join("fewer.keras"), &SaveOptions::new()).unwrap();
    assert!(saved.losses.losses().iter().any(|loss| loss.contains(&first)), "{:?}", saved.losses);
}

/// Changes of a trace by hand: none may panic, run, or be taken for something else.
#[test]
fn hostile_traces_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let options = SaveOptions::new().format(kerata::formats::by_name("keras-folder").unwrap());
    kerata::save(&model("custom_layer").to_artifact(), &path, &options).unwrap();
    let inputs = inputs("custom_layer");
    let trace = std::fs::read_to_string(path.join(TRACE)).unwrap();
    let changes: &[(&str, &str)] = &[
        ("{\"version\": 1", "{\"version\": 2"),
        ("\"op\": \"", "\"op\": \"no_such_"),
        ("\"inputs\": [[0, 0]", "\"inputs\": [[99999, 0]"),
        ("\"inputs\": [[0, 0]", "\"inputs\": [[-1, 0]"),
        ("\"variable\": \"", "\"variable\": \"no/such/"),
        ("[\"float32\", [null", "[\"float32\", [-5"),
        ("[\"float32\", [null", "[\"float32\", [4611686018427387904"),
        ("\"signatures\": {", "\"signatures\": {\"x\": {\"constants\": [\"float32\"], \"graph\": {}}, "),
        ("\"signatures\": {", "\"signatures\": {\"x\": {\"constants\": []}, "),
        ("\"signatures\": {", "\"signatures\": [], \"y\": {"),
    ];
    for (old, new) in changes {
        let changed = trace.replacen(old, new, 1);
        assert_ne!(trace, changed, "{old}");
        std::fs::write(path.join(TRACE), changed).unwrap();
        let outcome = kerata::open(&path, &OpenOptions::new())
            .and_then(|artifact| run(&artifact, &Registry::new(), &inputs));
        let error = outcome.expect_err(new);
        assert_ne!(error.kind(), ErrorKind::Internal, "{new}: {error}");
    }
    // A deep nest is stopped by the depth of JSON.
    let deep = format!("{{\"version\": 1, \"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    std::fs::write(path.join(TRACE), deep).unwrap();
    assert_eq!(kerata::open(&path, &OpenOptions::new()).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn records_of_calls_run_through_the_layers() {
    let record = r#"{"version": 1, "layers": [{"path": "layers/own/inner", "layer": {"module": "keras.layers",
        "class_name": "Dense", "config": {"name": "inner", "units": 2}}}], "values": [
        {"input": "x", "spec": ["float32", [null, 2]]},
        {"variable": "layers/own/vars/0", "spec": ["float32", [2]]},
        {"layer": 0, "args": [{"class_name": "__value__", "config": [0, 0]}], "kwargs": {}, "results": 1},
        {"operation": {"module": "keras.src.ops.numpy", "class_name": "Multiply", "config": {}}, "args":
            [{"class_name": "__value__", "config": [2, 0]}, {"class_name": "__value__", "config": [1, 0]}], "kwargs": {}, "results": 1},
        {"operation": {"module": "keras.src.ops.numpy", "class_name": "Reshape", "config": {"newshape":
            [{"class_name": "__size__", "config": {"of": [0, 0], "axis": 0, "times": 2, "plus": 0}}, 1]}}, "args":
            [{"class_name": "__value__", "config": [3, 0]}], "kwargs": {}, "results": 1}],
        "outputs": [["y", [4, 0]]]}"#;
    let config = r#"{"module": null, "class_name": "Own", "config": {}, "registered_name": "demo>Own"}"#;
    let digest =
        kerata::formats::keras::config_digest(&Tree::parse(config.as_bytes(), &Limits::default()).unwrap());
    let trace = format!(
        r#"{{"version": 1, "config": "{digest}", "variables": [["layers/own/vars/0", "float32", [2]]], "starts": [],
        "signatures": {{"serving_default": {{"constants": [], "calls": {record}}}}}}}"#
    );
    let mut artifact = Artifact::new();
    artifact.config = Some(Tree::parse(config.as_bytes(), &Limits::default()).unwrap());
    let mut put = |path: &str, shape: &[usize], values: &[f32]| {
        let array = Array::from_f32(shape.to_vec(), values.to_vec()).unwrap();
        artifact.variables.insert(path, array.to_variable().unwrap()).unwrap();
    };
    put("layers/own/vars/0", &[2], &[10.0, 100.0]);
    put("layers/own/inner/vars/0", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    put("layers/own/inner/vars/1", &[2], &[0.5, 0.25]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let options = SaveOptions::new().format(kerata::formats::by_name("keras-folder").unwrap());
    kerata::save(&artifact, &path, &options).unwrap();
    std::fs::create_dir_all(path.join("kerata")).unwrap();
    std::fs::write(path.join(TRACE), trace).unwrap();

    let x = Array::from_f32([2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let read = open(&path);
    let found = run(&read, &Registry::new(), std::slice::from_ref(&x)).unwrap();
    // ([1 2] + [.5 .25]) · [10 100], ([3 4] + [.5 .25]) · [10 100], in a column.
    assert_eq!(found[0].shape(), [4, 1]);
    assert_eq!(found[0].as_f32().unwrap(), [15.0, 225.0, 35.0, 425.0]);

    // The record itself is kept on the way through.
    kerata::save(&read, folder.path().join("again.keras"), &SaveOptions::new()).unwrap();
    let again = run(&open(&folder.path().join("again.keras")), &Registry::new(), &[x]).unwrap();
    assert_eq!(bytes(&again), bytes(&found));
    let stored = std::fs::read(folder.path().join("again.keras")).unwrap();
    assert!(stored.windows(9).any(|window| window == b"__value__"));
}
