//! `traced`: an artifact together with the graphs of what it computes, for formats that keep graphs.

use std::sync::Arc;

use kerata_core::artifact::{TraceOrigin, Traces};
use kerata_core::graph::Graph;
use kerata_core::{Artifact, Error, Result, Tree, Variable};
use kerata_nn::models::ModelTraces;
use kerata_nn::{Registry, is_foreign};

/// Name of the signature that a model is exported under.
pub(crate) const SERVING_DEFAULT: &str = "serving_default";

/// The artifact with its traces; where the file brought none, the layers are traced.
pub fn with_traces(artifact: &Artifact, registry: &Registry) -> Result<Artifact> {
    let mut traced = artifact.clone();
    if traced.traces.is_none() {
        let model = crate::modern::model(artifact, registry)?;
        model.check()?;
        traced.traces = Some(Arc::new(ModelTraces::new(model)));
    }
    Ok(traced)
}

/// The artifact with the graphs that a SavedModel holds of it: a call for inference as `serving_default`, and the
/// variables that it reads. Where the file brought no graphs, the layers are traced.
pub fn traced(artifact: &Artifact, registry: &Registry) -> Result<Artifact> {
    // The code of layers, where it is there, says what a trace in a `.keras` file only repeats.
    let has_program = artifact.traces.as_ref().is_some_and(|traces| traces.origin() == TraceOrigin::Program);
    let mut traced = artifact.clone();
    if !has_program && artifact.config.is_some() {
        let model = crate::modern::model(artifact, registry)?;
        match model.check() {
            Ok(()) => traced.traces = Some(Arc::new(ModelTraces::new(model))),
            Err(missing) => drop(stand_in(artifact, missing)?),
        }
    }
    let traces = traced.traces.clone().ok_or_else(|| {
        Error::unsupported("the file holds weights and no model").hint("it can be inspected and converted")
    })?;
    let traces: Arc<dyn Traces> = match has_program {
        true => traces,
        false => Arc::new(OnlyServing(traces)),
    };
    if !has_program {
        put_starts(&mut traced, &traces.graph(SERVING_DEFAULT)?, traces.as_ref())?;
    }
    traced.traces = Some(traces);
    Ok(traced)
}

/// The traces that stand in for layers whose code is missing; says what is missing when there are none, or stale ones.
pub(crate) fn stand_in(artifact: &Artifact, missing: Error) -> Result<Arc<dyn Traces>> {
    let Some(traces) = artifact.traces.clone() else { return Err(missing) };
    match traces.check() {
        Ok(()) => Ok(traces),
        Err(stale) => {
            let both = Error::new(missing.kind(), format!("{}, and {}", missing.message(), stale.message()));
            let placed = missing.trail().collect::<Vec<_>>().into_iter().rev().fold(both, Error::at);
            Err(placed.hint("trace the model again, or give its code"))
        }
    }
}

/// Whether a config names code that is not Keras's: classes and functions of one's own.
pub fn needs_code(config: &Tree) -> bool {
    match config {
        Tree::List(items) => items.iter().any(needs_code),
        Tree::Object(entries) => {
            let is_own = match config.class_name() {
                Some("function" | "__lambda__") => true,
                Some(class) if entries.contains_key("config") && !class.starts_with("__") => {
                    is_foreign(config)
                }
                _ => false,
            };
            is_own || entries.iter().any(|(key, value)| key != "compile_config" && needs_code(value))
        }
        _ => false,
    }
}

/// Adds the variables that a graph reads and the file does not hold; one that is stored as another type is read as its
/// layer does.
pub(crate) fn put_starts(artifact: &mut Artifact, graph: &Graph, traces: &dyn Traces) -> Result<()> {
    let read: Vec<_> = graph.variables().map(|(path, spec, _)| (path.to_owned(), spec.dtype)).collect();
    for (path, dtype) in read {
        match artifact.variables.get(&path) {
            Some(variable) if variable.dtype == dtype => {}
            Some(variable) => {
                let role = variable.role;
                if let (Some(value), Some(variable)) =
                    (traces.start(&path)?, artifact.variables.get_mut(&path))
                {
                    *variable = value.with_role(role);
                }
            }
            None => {
                let value = traces.start(&path)?;
                let value = value.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
                artifact.variables.insert(path, value)?;
            }
        }
    }
    Ok(())
}

/// The signature for inference alone is listed; the others can be asked for.
#[derive(Debug)]
struct OnlyServing(Arc<dyn Traces>);

impl Traces for OnlyServing {
    fn names(&self) -> Vec<String> {
        vec![SERVING_DEFAULT.to_owned()]
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        self.0.graph(name)
    }

    fn origin(&self) -> TraceOrigin {
        self.0.origin()
    }

    fn is_made_for(&self, config: &Tree) -> bool {
        self.0.is_made_for(config)
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn start(&self, path: &str) -> Result<Option<Variable>> {
        self.0.start(path)
    }
}
