//! `traced`: an artifact together with the graph of what it computes, for formats that keep graphs.

use std::collections::HashMap;
use std::sync::Arc;

use kerata_core::artifact::Traces;
use kerata_core::graph::{Graph, NodeKind};
use kerata_core::{Artifact, Error, Result, ResultExt};
use kerata_nn::layers::Argument;
use kerata_nn::{Model, Registry};

/// Name of the signature of a model that is exported.
const SIGNATURE: &str = "serving_default";

/// The artifact with its traces; where the file brought none, the layers are traced for inference.
pub fn traced(artifact: &Artifact, registry: &Registry) -> Result<Artifact> {
    let mut traced = artifact.clone();
    if traced.traces.is_some() {
        return Ok(traced);
    }
    let model = Model::from_artifact(artifact, registry)?;
    let mut graph = model.trace(false)?;
    name_inputs(&mut graph);
    // Results have the keys of the model's dict, else numbers.
    if !matches!(model.outputs(), Argument::Object(_)) {
        for (position, (name, _)) in graph.outputs.iter_mut().enumerate() {
            *name = format!("output_{position}");
        }
    }
    let read: Vec<_> = graph.variables().map(|(path, spec, _)| (path.to_owned(), spec.dtype)).collect();
    for (path, dtype) in read {
        // A variable that is not stored starts as its layer says; one of another type is read as that of its layer.
        let stored = traced.variables.get(&path);
        if stored.is_some_and(|variable| variable.dtype == dtype) {
            continue;
        }
        let value = model.variable(&path)?.to_variable().at(|| format!("variable `{path}`"))?;
        match traced.variables.get_mut(&path) {
            Some(variable) => {
                let role = variable.role;
                *variable = value.with_role(role);
            }
            None => traced.variables.insert(path, value)?,
        }
    }
    traced.traces = Some(Arc::new(ModelTrace(graph)));
    Ok(traced)
}

/// Gives inputs of the same name numbers, as arguments need names of their own.
fn name_inputs(graph: &mut Graph) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for input in graph.inputs.clone() {
        let Some(NodeKind::Input { name }) = graph.nodes.get_mut(input.node).map(|node| &mut node.kind)
        else {
            continue;
        };
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            *name = format!("{name}_{}", *count - 1);
        }
    }
}

/// The one graph of a model.
#[derive(Debug)]
struct ModelTrace(Graph);

impl Traces for ModelTrace {
    fn names(&self) -> Vec<String> {
        vec![SIGNATURE.to_owned()]
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        if name == SIGNATURE {
            return Ok(self.0.clone());
        }
        Err(Error::not_found(format!("no signature `{name}`")).hint(format!("there is `{SIGNATURE}`")))
    }
}
