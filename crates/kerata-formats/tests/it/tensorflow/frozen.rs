//! Frozen graphs of real TensorFlow.

use std::fs;

use kerata_core::{Artifact, ErrorKind, Limits, Result, Tree};
use kerata_formats::{Input, Output, WriteOptions, by_name, detect};

use super::running::{arrays, compare};
use super::{cases, check_parameters, input};

fn read(name: &str) -> (Artifact, Vec<u8>) {
    let (_, folder, expect) = cases("frozen").into_iter().find(|case| case.0 == name).unwrap();
    let artifact =
        detect(&input(&folder, &expect)).unwrap().read(&input(&folder, &expect), &Limits::default());
    (artifact.unwrap(), fs::read(folder.join("frozen.pb")).unwrap())
}

fn written(artifact: &Artifact) -> Vec<u8> {
    let mut bytes = Vec::new();
    let graph_def = by_name("graph_def").unwrap();
    graph_def.write(artifact, &mut Output::File(&mut bytes), &WriteOptions::new()).unwrap();
    bytes
}

#[test]
fn frozen_graphs_give_what_tensorflow_gives() {
    let cases = cases("frozen");
    assert!(cases.len() >= 4);
    for (name, folder, expect) in cases {
        let input = input(&folder, &expect);
        let format = detect(&input).unwrap();
        assert_eq!(format.name(), "graph_def", "{name}");
        let artifact = format.read(&input, &Limits::default()).unwrap();
        artifact.verify().unwrap();
        check_parameters(&name, &artifact, &expect);
        let graph = artifact.traces.clone().unwrap().graph("serving_default").unwrap();
        let io = arrays(&folder.join("io_serving_default.npz"));
        assert_eq!(
            graph.input_names().len(),
            io.keys().filter(|key| key.starts_with("in_")).count(),
            "{name}"
        );
        let difference = compare(&artifact, &graph, &io).unwrap();
        assert_eq!(difference, None, "{name}");
    }
}

#[test]
fn inputs_and_outputs_may_be_named() {
    let (artifact, _) = read("v1_frozen");
    let traces = artifact.traces.unwrap();
    assert_eq!(traces.names(), ["serving_default"]);
    let graph = traces.graph("MatMul,y").unwrap();
    let names: Vec<&str> = graph.outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((graph.input_names(), names), (vec!["x"], vec!["MatMul", "y"]));
    assert_eq!(traces.graph("x:0 -> y:0").unwrap().input_names(), ["x"]);
    let kind = |name: &str| traces.graph(name).unwrap_err().kind();
    assert_eq!(kind("add -> y"), ErrorKind::Unsupported);
    assert_eq!(kind("nobody"), ErrorKind::NotFound);
    assert_eq!(kind(" -> y"), ErrorKind::NotFound);
}

#[test]
fn what_is_unchanged_goes_back_byte_for_byte_and_values_can_be_changed() -> Result<()> {
    for (name, ..) in cases("frozen") {
        let (mut artifact, bytes) = read(&name);
        assert_eq!(written(&artifact), bytes, "{name}");
        let (path, other) = {
            let (path, variable) = artifact.variables.iter().next().unwrap();
            let zeros = vec![0_u8; variable.data.bytes()?.len()];
            (path.to_owned(), zeros)
        };
        artifact.variables.get_mut(&path).unwrap().data = kerata_core::Data::owned(other.clone());
        let changed = Input::bytes("changed.pb", written(&artifact));
        let again = detect(&changed)?.read(&changed, &Limits::default())?;
        for (at, variable) in again.variables.iter() {
            let expected = artifact.variables.get(at).unwrap();
            assert_eq!(variable.data.bytes()?, expected.data.bytes()?, "{name}: {at}");
        }
        assert_eq!(again.variables.get(&path).unwrap().data.bytes()?.as_ref(), other);
    }
    Ok(())
}

#[test]
fn signatures_are_described() {
    let (artifact, _) = read("frozen_branch");
    let described = artifact.metadata.extra.get("signatures").unwrap();
    let input = described.path(&["serving_default", "inputs", "ids"]).and_then(Tree::as_list).unwrap();
    assert_eq!(input.first().and_then(Tree::as_str), Some("int32"));
}

#[test]
fn cut_graphs_are_corrupt_and_the_text_form_is_refused_by_name() {
    let (_, bytes) = read("frozen_convnet");
    for len in (1..bytes.len()).step_by(bytes.len() / 97) {
        let input = Input::bytes("cut.pb", bytes[..len].to_vec());
        let graph_def = by_name("graph_def").unwrap();
        // A cut between two nodes leaves a whole graph, which has lost its results.
        match graph_def.read(&input, &Limits::default()) {
            Ok(artifact) => drop(artifact.traces.map(|traces| traces.graph("serving_default"))),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "cut to {len}: {error}"),
        }
    }
    let text = Input::bytes("graph.pbtxt", b"node {\n  name: \"x\"\n  op: \"Placeholder\"\n}\n".to_vec());
    let error = detect(&text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("text form"), "{error}");
}
