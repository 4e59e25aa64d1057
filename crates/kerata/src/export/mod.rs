//! `export`: what a model computes as a SavedModel, checked against the model before it is published.

mod check;
mod signature;
mod train_step;

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::artifact::{TraceOrigin, Traces};
use kerata_core::graph::Graph;
use kerata_core::{Artifact, Error, Result, ResultExt, Role, Variable};
use kerata_nn::Registry;

pub use signature::Signature;

use crate::save::{SaveOptions, Saved, save};
use crate::traces::{SERVING_DEFAULT, put_starts, traced};

/// Inputs to compare the model and what was written of it on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Check {
    /// Random numbers; a model that does not run on them is not compared.
    #[default]
    Random,
    /// These, by the names of the signature's arguments or as `in_0`, `in_1`, ...
    Inputs(IndexMap<String, Array>),
    /// Nothing is compared.
    Off,
}

/// How to export.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The signatures; `serving_default` alone when there are none.
    pub signatures: Vec<Signature>,
    /// Whether the optimizer's variables are kept.
    pub include_optimizer: bool,
    /// Whether there are only config and variables, and no graphs: Keras's `save_traces=False`.
    pub without_traces: bool,
    /// Whether there is a signature `train_step`: one step of training, from the compile config.
    pub train_step: bool,
    /// What the first signature is compared on before anything is published.
    pub check: Check,
    /// How it is saved.
    pub save: SaveOptions,
}

impl ExportOptions {
    /// The signature `serving_default`, checked on random numbers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signature.
    #[must_use]
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signatures.push(signature);
        self
    }

    /// Sets whether the optimizer's variables are kept.
    #[must_use]
    pub fn include_optimizer(mut self, include_optimizer: bool) -> Self {
        self.include_optimizer = include_optimizer;
        self
    }

    /// Sets whether what the model computes is kept (it is), or only its config and variables.
    #[must_use]
    pub fn save_traces(mut self, save_traces: bool) -> Self {
        self.without_traces = !save_traces;
        self
    }

    /// Sets whether there is a signature `train_step`.
    #[must_use]
    pub fn train_step(mut self, train_step: bool) -> Self {
        self.train_step = train_step;
        self
    }

    /// Sets what is compared.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Sets how it is saved.
    #[must_use]
    pub fn save(mut self, save: SaveOptions) -> Self {
        self.save = save;
        self
    }
}

/// What an export came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exported {
    /// What was saved.
    pub saved: Saved,
    /// Names of the signatures.
    pub signatures: Vec<String>,
    /// The largest difference between the model and what was written; none when nothing was compared.
    pub difference: Option<f64>,
    /// Why nothing was compared.
    pub unchecked: Option<String>,
}

/// Writes a model as a SavedModel: traced through its layers, or by the trace that its file brought.
///
/// What was written is read back and run beside the model; when they differ nothing is published. The inputs and outputs
/// that were compared are kept in `assets.extra/kerata_check/`.
pub fn export(
    artifact: &Artifact,
    path: impl AsRef<Path>,
    registry: &Registry,
    options: &ExportOptions,
) -> Result<Exported> {
    let format = kerata_formats::by_name("saved_model")?;
    if options.without_traces {
        return untraced(artifact, path.as_ref(), options.save.clone().format(format), options);
    }
    let mut ready = exportable(artifact, registry, options)?;
    let signatures = ready.traces.as_ref().map(|traces| traces.names()).unwrap_or_default();
    let compared = check::compare(&ready, format, &options.check)?;
    let (difference, unchecked) = match compared {
        Ok(vectors) => {
            ready.extras.extend(vectors.files);
            (Some(vectors.difference), None)
        }
        Err(reason) => (None, reason),
    };
    let saved = save(&ready, path, &options.save.clone().format(format))?;
    Ok(Exported { saved, signatures, difference, unchecked })
}

/// Writes config and variables alone.
fn untraced(
    artifact: &Artifact,
    path: &Path,
    save_options: SaveOptions,
    options: &ExportOptions,
) -> Result<Exported> {
    if options.train_step || !options.signatures.is_empty() {
        return Err(Error::usage("signatures are traces, and none are to be kept"));
    }
    let mut bare = artifact.clone();
    if !options.include_optimizer {
        bare.drop_optimizer();
    }
    let saved = save(&bare, path, &save_options.traces(false))?;
    Ok(Exported { saved, signatures: Vec::new(), difference: None, unchecked: None })
}

/// The artifact whose traces are the signatures that are asked for.
fn exportable(artifact: &Artifact, registry: &Registry, options: &ExportOptions) -> Result<Artifact> {
    let mut ready = traced(artifact, registry)?;
    let source = ready.traces.clone().ok_or_else(|| Error::internal("traced without traces"))?;
    let mut graphs: Vec<(String, Graph)> = Vec::new();
    if options.signatures.is_empty() {
        for name in source.names() {
            // The callable function beside signatures is written in any case.
            if source.origin() == TraceOrigin::Program && name == "serve" && source.names().len() > 1 {
                continue;
            }
            graphs.push((name.clone(), source.graph(&name)?));
        }
    }
    for signature in &options.signatures {
        if graphs.iter().any(|(name, _)| *name == signature.name) {
            return Err(Error::usage(format!("two signatures are called `{}`", signature.name)));
        }
        let graph = signature.graph(source.as_ref()).at(|| format!("signature `{}`", signature.name))?;
        graphs.push((signature.name.clone(), graph));
    }
    if options.train_step {
        let (graph, variables) = train_step::graph(&ready, registry)?;
        for (path, variable) in variables {
            if ready.variables.get(&path).is_none() {
                ready.variables.insert(path, variable)?;
            }
        }
        graphs.push((train_step::NAME.to_owned(), graph));
    }
    if options.include_optimizer {
        // What a SavedModel keeps are weights.
        ready.variables.iter_mut().filter(|(_, v)| v.role == Role::Optimizer).for_each(|(_, v)| {
            v.trainable = Some(false);
            v.role = Role::Weight;
        });
    }
    for (_, graph) in &graphs {
        if source.origin() != TraceOrigin::Program {
            put_starts(&mut ready, graph, source.as_ref())?;
        }
    }
    ready.traces = Some(Arc::new(Signatures { graphs, source }));
    Ok(ready)
}

/// Graphs by name of their signature.
#[derive(Debug)]
struct Signatures {
    graphs: Vec<(String, Graph)>,
    source: Arc<dyn Traces>,
}

impl Traces for Signatures {
    fn names(&self) -> Vec<String> {
        self.graphs.iter().map(|(name, _)| name.clone()).collect()
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        let found = self.graphs.iter().find(|(known, _)| known == name);
        found.map(|(_, graph)| graph.clone()).ok_or_else(|| {
            Error::not_found(format!("no signature `{name}`")).hint(format!("there is `{SERVING_DEFAULT}`"))
        })
    }

    fn start(&self, path: &str) -> Result<Option<Variable>> {
        self.source.start(path)
    }
}
