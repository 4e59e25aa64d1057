//! Writes a SavedModel: the graphs of the artifact's traces, its variables once, its assets.

use std::collections::HashMap;

use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{Artifact, Error, FolderSink, LossReport, Result, ResultExt, Role, Shape, Tree, Variable};
use prost::Message;

use super::assets::EXTRAS;
use super::read::INPUT_ORDER_FILE;
use super::{GRAPH_FILE, VARIABLES_PREFIX};
use crate::checkpoint::keys::OBJECT_GRAPH_KEY;
use crate::checkpoint::object_graph;
use crate::containers::bundle::{BundleWriter, index_name, shard_name};
use crate::tensorflow::export::{Stored, saved_model};

/// Writes the files of a SavedModel.
pub(super) fn write(artifact: &Artifact, folder: &mut dyn FolderSink) -> Result<LossReport> {
    let mut losses = LossReport::new();
    if super::edit::write(artifact, folder)? {
        return Ok(losses);
    }
    let signatures = signatures(artifact)?;
    let variables = stored_variables(artifact, &signatures, &mut losses)?;
    let specs: Vec<Stored> = variables.iter().map(|(stored, _)| stored.clone()).collect();
    let message = saved_model(&signatures, &specs)?;
    put(folder, GRAPH_FILE, &message.encode_to_vec())?;

    put_variables(folder, &variables)?;

    let is_kept = |name: &str| name.starts_with(EXTRAS) && name != INPUT_ORDER_FILE;
    for (name, data) in artifact.extras.iter().filter(|(name, _)| is_kept(name)) {
        let mut file = folder.create(name)?;
        data.stream(&mut |part| file.write(part))?;
    }
    if let Some(order) = input_order(&signatures) {
        put(folder, INPUT_ORDER_FILE, format!("{}\n", order.to_json()).as_bytes())?;
    }
    report_losses(artifact, &mut losses);
    Ok(losses)
}

pub(super) fn put(folder: &mut dyn FolderSink, name: &str, bytes: &[u8]) -> Result<()> {
    folder.create(name)?.write(bytes)
}

/// Writes the bundle of the variables.
pub(super) fn put_variables(folder: &mut dyn FolderSink, variables: &[(Stored, Variable)]) -> Result<()> {
    let mut sink = folder.create(&shard_name(VARIABLES_PREFIX, 0, 1))?;
    let mut bundle = BundleWriter::new(sink.as_mut());
    let mut named = Vec::new();
    let specs: Vec<&Stored> = variables.iter().map(|(stored, _)| stored).collect();
    for (key, (stored, variable)) in Stored::keys(&specs).into_iter().zip(variables) {
        bundle.add(&key, variable).at(|| format!("variable `{}`", stored.path))?;
        named.push((key, stored.name.clone()));
    }
    let objects = object_graph(named.iter().map(|(key, name)| (key.as_str(), name.as_str())))?;
    bundle.add_text(OBJECT_GRAPH_KEY, objects.encode_to_vec())?;
    let index = bundle.finish();
    drop(sink);
    index.write(folder.create(&index_name(VARIABLES_PREFIX))?.as_mut())
}

/// The graphs that become signatures.
fn signatures(artifact: &Artifact) -> Result<Vec<(String, Graph)>> {
    let traces = artifact.traces.as_ref().ok_or_else(|| {
        Error::unsupported("a SavedModel holds graphs, and this artifact has none")
            .hint("export the model, which traces its layers")
    })?;
    // Functions that are no signatures take part only where there is no signature at all.
    let names = traces.names();
    let served: Vec<String> =
        names.iter().filter(|name| name.as_str() != "serve" || names.len() == 1).cloned().collect();
    served.into_iter().map(|name| Ok((name.clone(), traces.graph(&name)?))).collect()
}

/// The variables that graphs read, the other weights, and the state of the optimizer.
fn stored_variables(
    artifact: &Artifact,
    signatures: &[(String, Graph)],
    losses: &mut LossReport,
) -> Result<Vec<(Stored, Variable)>> {
    let mut trainable: HashMap<&str, bool> = HashMap::new();
    for (_, graph) in signatures {
        trainable.extend(graph.variables().map(|(path, _, trainable)| (path, trainable)));
    }
    let is_kept = |path: &str, variable: &Variable| {
        trainable.contains_key(path) || matches!(variable.role, Role::Weight | Role::Seed | Role::Optimizer)
    };
    let mut kept = Vec::new();
    let mut left = 0usize;
    for (path, variable) in artifact.variables.iter() {
        if !is_kept(path, variable) {
            left += 1;
            continue;
        }
        let shape = Shape::known(variable.shape.iter().copied());
        let stored = Stored {
            path: path.to_owned(),
            spec: TensorSpec::new(variable.dtype, shape),
            is_optimizer: variable.role == Role::Optimizer,
            trainable: trainable.get(path).copied().or(variable.trainable).unwrap_or(true),
            name: variable.name.clone().unwrap_or_else(|| path.to_owned()),
        };
        kept.push((stored, variable.clone()));
    }
    if left > 0 {
        losses.lose(format!("{left} variables of metrics and other state"));
    }
    Ok(kept)
}

/// The names of the inputs, where their natural order is not the model's.
fn input_order(signatures: &[(String, Graph)]) -> Option<Tree> {
    let (_, graph) = signatures.first()?;
    let names = graph.input_names();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    (names != sorted).then(|| Tree::List(names.into_iter().map(Tree::from).collect()))
}

fn report_losses(artifact: &Artifact, losses: &mut LossReport) {
    if artifact.config.is_some() {
        losses.lose("the model's config: a SavedModel keeps graphs and variables");
    }
    if artifact.compile_config.is_some() {
        losses.lose("the compile config: a SavedModel keeps graphs and variables");
    }
    if !artifact.assets.is_empty() {
        losses.lose(format!("{} assets: the graphs hold what they need", artifact.assets.len()));
    }
}
