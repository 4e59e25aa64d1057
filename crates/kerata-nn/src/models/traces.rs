//! `ModelTraces`: what a model computes, traced when it is asked for, so that an artifact carries it to formats that keep graphs.

use std::collections::HashMap;
use std::sync::OnceLock;

use kerata_core::artifact::{TraceOrigin, Traces};
use kerata_core::graph::{Graph, NodeKind};
use kerata_core::{Error, Result, ResultExt, Tree, Variable};

use super::Model;
use crate::layers::Argument;

/// Name of the signature for inference.
pub(super) const INFERENCE: &str = "serving_default";
/// Name of the signature of a call in training, where that differs.
pub(super) const TRAINING: &str = "training";

/// The traces of a model.
#[derive(Debug)]
pub struct ModelTraces {
    model: Model,
    names: OnceLock<Vec<String>>,
}

impl ModelTraces {
    /// The traces of a model that can run.
    pub fn new(model: Model) -> Self {
        Self { model, names: OnceLock::new() }
    }

    fn trace(&self, training: bool) -> Result<Graph> {
        let mut graph = self.model.trace(training)?;
        number_inputs(&mut graph);
        // Results have the keys of the model's dict, else numbers.
        if !matches!(self.model.outputs(), Argument::Object(_)) {
            for (position, (name, _)) in graph.outputs.iter_mut().enumerate() {
                *name = format!("output_{position}");
            }
        }
        Ok(graph)
    }
}

impl Traces for ModelTraces {
    fn names(&self) -> Vec<String> {
        let names = || {
            let differs = match (self.trace(false), self.trace(true)) {
                (Ok(inference), Ok(training)) => inference.to_string() != training.to_string(),
                _ => false,
            };
            let all = [Some(INFERENCE), differs.then_some(TRAINING)];
            all.into_iter().flatten().map(str::to_owned).collect()
        };
        self.names.get_or_init(names).clone()
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        match name {
            INFERENCE => self.trace(false),
            TRAINING => self.trace(true),
            _ => {
                Err(Error::not_found(format!("no signature `{name}`"))
                    .hint(format!("there is `{INFERENCE}`")))
            }
        }
    }

    fn origin(&self) -> TraceOrigin {
        TraceOrigin::Layers
    }

    fn is_made_for(&self, config: &Tree) -> bool {
        self.model.was_read_from(config)
    }

    fn start(&self, path: &str) -> Result<Option<Variable>> {
        let value = self.model.variable(path).and_then(|value| value.to_variable());
        value.map(Some).at(|| format!("variable `{path}`"))
    }
}

/// Gives inputs of the same name numbers, as arguments need names of their own.
fn number_inputs(graph: &mut Graph) {
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
