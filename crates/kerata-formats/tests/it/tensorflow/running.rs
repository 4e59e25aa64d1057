//! Signatures of SavedModels, read as graphs, give what TensorFlow gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kerata_core::graph::Graph;
use kerata_core::{Array, Artifact, Limits, MemorySource, Result};
use kerata_formats::containers::{npy, zip::Archive};
use kerata_formats::detect;

use super::{cases, input};
use crate::closeness;

/// The arrays of an `.npz` file by name.
pub(super) fn arrays(path: &Path) -> BTreeMap<String, Array> {
    let limits = Limits::default();
    let archive = Archive::open(MemorySource::shared(fs::read(path).unwrap()), &limits).unwrap();
    let members = archive.members().map(|member| {
        let bytes = archive.read(member, 1 << 26).unwrap();
        let variable = npy::read(&MemorySource::shared(bytes), &limits).unwrap();
        (member.name().trim_end_matches(".npy").to_owned(), Array::from_variable(&variable).unwrap())
    });
    members.collect()
}

/// Runs one signature; the first difference is an error.
pub(super) fn run(folder: &Path, expect: &kerata_core::Tree, signature: &str) -> Result<Option<String>> {
    let input = input(folder, expect);
    let artifact = detect(&input)?.read(&input, &Limits::default())?;
    let traces = artifact.traces.clone().expect("the model has signatures");
    let io = arrays(&folder.join(format!("io_{signature}.npz")));
    let rank = |name: &str, _: usize| io.get(&format!("in_{name}")).map(Array::rank);
    compare(&artifact, &traces.graph_of(signature, &rank)?, &io)
}

/// Evaluates a graph and compares its outputs with the recorded ones of their names.
pub(super) fn compare(
    artifact: &Artifact,
    graph: &Graph,
    io: &BTreeMap<String, Array>,
) -> Result<Option<String>> {
    let inputs: Vec<Array> = graph
        .input_names()
        .iter()
        .zip(graph.input_specs()?)
        .map(|(name, spec)| io[&format!("in_{name}")].cast(spec.dtype))
        .collect::<Result<_>>()?;
    let value =
        |path: &str| Array::from_variable(artifact.variables.get(path).expect("a variable of the artifact"));
    let (outputs, _) = graph.evaluate(&inputs, &value)?;
    let expected = io.keys().filter(|name| name.starts_with("out_")).count();
    if outputs.len() != expected {
        return Ok(Some(format!("{} outputs, expected {expected}", outputs.len())));
    }
    let narrowest = closeness::narrowest(graph);
    let differences = graph.outputs.iter().zip(&outputs).filter_map(|((name, _), found)| {
        closeness::compare(found, &io[&format!("out_{name}")], narrowest)
            .err()
            .map(|error| format!("{name}: {error}"))
    });
    Ok(differences.reduce(|all, one| format!("{all}; {one}")))
}

#[test]
fn signatures_give_what_tensorflow_gives() {
    let (mut failures, mut done) = (Vec::new(), 0);
    for (name, folder, expect) in cases("saved_model") {
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let Some(signature) = file.strip_prefix("io_").and_then(|rest| rest.strip_suffix(".npz")) else {
                continue;
            };
            match run(&folder, &expect, signature) {
                Ok(None) => done += 1,
                Err(error) => failures.push(format!("{name}.{signature}: {error}")),
                Ok(Some(difference)) => failures.push(format!("{name}.{signature}: {difference}")),
            }
        }
    }
    println!("{done} signatures agree");
    assert!(failures.is_empty(), "{} agree, {} fail:\n{}", done, failures.len(), failures.join("\n"));
}

#[test]
fn files_are_neither_read_nor_written_by_a_graph() {
    for name in ["m_reads_file", "m_writes_file"] {
        let (_, folder, expect) = cases("saved_model").into_iter().find(|case| case.0 == name).unwrap();
        let input = input(&folder, &expect);
        let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
        let error = artifact.traces.unwrap().graph("serving_default").unwrap_err();
        assert_eq!(error.kind(), kerata_core::ErrorKind::Untrusted, "{name}: {error}");
        assert!(error.message().contains("File"), "{error}");
    }
}

#[test]
fn functions_that_are_no_signatures_run_by_their_names() {
    let (_, folder, expect) =
        cases("saved_model").into_iter().find(|case| case.0 == "m_without_signatures").unwrap();
    let input = input(&folder, &expect);
    let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
    let traces = artifact.traces.clone().unwrap();
    assert_eq!(traces.names(), ["__call__"]);
    let graph = traces.graph("__call__").unwrap();
    assert_eq!(graph.input_names(), ["x", "y"]);
    let names: Vec<&str> = graph.outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0", "1/a", "1/d"]);
    let ones = Array::from_f32([3], vec![1.0, 2.0, 3.0]).unwrap();
    let twos = Array::from_f32([3], vec![2.0, 2.0, 2.0]).unwrap();
    let value = |path: &str| Array::from_variable(artifact.variables.get(path).unwrap());
    let (outputs, _) = graph.evaluate(&[ones, twos], &value).unwrap();
    // `[x * w, {"d": y - x, "a": y}]`.
    assert_eq!(outputs[1].as_f32().unwrap(), [2.0, 2.0, 2.0]);
    assert_eq!(outputs[2].as_f32().unwrap(), [1.0, 0.0, -1.0]);
    let w = value("w").unwrap();
    let w = w.as_f32().unwrap();
    assert_eq!(outputs[0].as_f32().unwrap(), [w[0], 2.0 * w[1], 3.0 * w[2]]);
}

#[test]
fn inputs_of_unknown_rank_need_their_rank() {
    let (_, folder, expect) =
        cases("saved_model").into_iter().find(|case| case.0 == "m_unknown_rank").unwrap();
    let input = input(&folder, &expect);
    let artifact = detect(&input).unwrap().read(&input, &Limits::default()).unwrap();
    let error = artifact.traces.unwrap().graph("serving_default").unwrap_err();
    assert_eq!(error.kind(), kerata_core::ErrorKind::Unsupported);
    assert!(error.message().contains("unknown rank"), "{error}");
}
