//! The variables of a Keras 2 model under the paths that Keras 3 gives them, so that its config and they fit together.

use std::collections::{HashMap, HashSet};

use kerata_core::{Artifact, Result, Role, Variable, Variables};

use crate::containers::proto::tensorflow::{SavedObjectGraph, saved_object};
use crate::era::{self, Era};
use crate::h5::{Listed, place};

/// Brings the config to the Keras 3 dialect and, where every layer is known and fits, the variables to its paths.
///
/// `layers` are the names of layers by object, `paths` the variables of objects; they follow their variables.
pub(super) fn apply(
    artifact: &mut Artifact,
    saved: &SavedObjectGraph,
    layers: &HashMap<usize, String>,
    paths: &mut HashMap<usize, String>,
) -> Result<()> {
    let era = Era::of(artifact.metadata.keras_version.as_deref().or(Some("2.15.0")));
    let version = artifact.metadata.keras_version.clone();
    era::normalize(artifact);
    artifact.metadata.keras_version = version;
    let listed = listed(artifact, saved, layers, paths);
    let slots = optimizer(artifact, saved, paths);
    let mut placed = artifact.clone();
    (placed.variables, placed.notes) = (Variables::new(), Vec::new());
    if place(&mut placed, era, &listed, &slots).is_err()
        || !placed.notes.is_empty()
        || !fits(artifact, &placed)
    {
        artifact.notes.push(
            "the variables keep the paths of their objects: the config does not say all of them".to_owned(),
        );
        return Ok(());
    }
    let by_origin: HashMap<String, String> = placed
        .variables
        .iter()
        .filter_map(|(path, variable)| Some((variable.origin.clone()?, path.to_owned())))
        .collect();
    // What Keras 3 has no place for (metrics, counters) stays where it was.
    for (path, variable) in artifact.variables.iter() {
        let is_placed = variable.origin.as_ref().is_some_and(|origin| by_origin.contains_key(origin));
        if !is_placed && variable.role != Role::Optimizer {
            placed.variables.insert(path, variable.clone())?;
        }
    }
    for path in paths.values_mut() {
        let origin = artifact.variables.get(path).and_then(|variable| variable.origin.clone());
        if let Some(moved) = origin.and_then(|origin| by_origin.get(&origin)) {
            path.clone_from(moved);
        }
    }
    artifact.variables = placed.variables;
    artifact.objects = placed.objects;
    Ok(())
}

/// The variables of each layer of the model, in Keras's order.
fn listed(
    artifact: &Artifact,
    saved: &SavedObjectGraph,
    layers: &HashMap<usize, String>,
    paths: &HashMap<usize, String>,
) -> Vec<(String, Listed)> {
    let list = child(saved, 0, "keras_api")
        .and_then(|api| child(saved, api, "layers"))
        .or_else(|| child(saved, 0, "layers"));
    let objects = list.map_or_else(|| numbered(saved, 0, "layer-"), |list| numbered(saved, list, ""));
    let layer = |object: usize| {
        let name = layers.get(&object)?;
        let variables = child(saved, object, "variables")
            .or_else(|| child(saved, object, "keras_api").and_then(|api| child(saved, api, "variables")));
        let ids = variables.map_or_else(|| below(saved, object), |list| numbered(saved, list, ""));
        let mut found: Listed = Vec::new();
        for id in ids {
            found.push(named(artifact, paths, id)?);
        }
        Some((name.clone(), found))
    };
    objects.into_iter().filter_map(layer).collect()
}

/// The variables below an object in the order of its attributes, trainable ones first.
fn below(saved: &SavedObjectGraph, object: usize) -> Vec<usize> {
    let (mut open, mut seen, mut found) = (vec![object], HashSet::new(), Vec::new());
    while let Some(object) = open.pop() {
        let Some(node) = saved.nodes.get(object).filter(|_| seen.insert(object)) else { continue };
        if let Some(saved_object::Kind::Variable(variable)) = &node.kind {
            found.push((!variable.trainable, object));
        }
        let children = node.children.iter().rev().filter(|child| child.local_name != "keras_api");
        open.extend(children.filter_map(|child| usize::try_from(child.node_id).ok()));
    }
    found.sort_by_key(|(is_frozen, _)| *is_frozen);
    found.into_iter().map(|(_, id)| id).collect()
}

/// The state of the optimizer, in its order.
fn optimizer(artifact: &Artifact, saved: &SavedObjectGraph, paths: &HashMap<usize, String>) -> Listed {
    let list = child(saved, 0, "optimizer").and_then(|optimizer| child(saved, optimizer, "_variables"));
    let mut ids = list.map(|list| numbered(saved, list, "")).unwrap_or_default();
    // The rate is kept beside the list; in other files it follows the number of steps.
    if let Some(rate) =
        child(saved, 0, "optimizer").and_then(|optimizer| child(saved, optimizer, "_learning_rate"))
        && !ids.is_empty()
    {
        ids.insert(1, rate);
    }
    ids.into_iter().filter_map(|id| named(artifact, paths, id)).collect()
}

fn named(artifact: &Artifact, paths: &HashMap<usize, String>, id: usize) -> Option<(String, Variable)> {
    let variable = artifact.variables.get(paths.get(&id)?)?;
    Some((format!("{}:0", variable.name.as_deref().unwrap_or_default()), variable.clone()))
}

/// Whether every weight has a place, and is there what it was.
fn fits(artifact: &Artifact, placed: &Artifact) -> bool {
    let by_origin: HashMap<&str, &Variable> = placed
        .variables
        .iter()
        .filter_map(|(_, variable)| Some((variable.origin.as_deref()?, variable)))
        .collect();
    artifact.weights().all(|(_, variable)| {
        let found = variable.origin.as_deref().and_then(|origin| by_origin.get(origin));
        found.is_some_and(|found| found.shape == variable.shape && found.dtype == variable.dtype)
    })
}

fn child(saved: &SavedObjectGraph, object: usize, name: &str) -> Option<usize> {
    let children = &saved.nodes.get(object)?.children;
    children
        .iter()
        .find(|child| child.local_name == name)
        .and_then(|child| usize::try_from(child.node_id).ok())
}

/// The children whose names are a prefix and a number, in the order of the numbers.
fn numbered(saved: &SavedObjectGraph, object: usize, prefix: &str) -> Vec<usize> {
    let edges = saved.nodes.get(object).map(|node| node.children.as_slice()).unwrap_or_default();
    let mut numbered: Vec<(usize, usize)> = edges
        .iter()
        .filter_map(|edge| {
            let number = edge.local_name.strip_prefix(prefix)?.parse().ok()?;
            Some((number, usize::try_from(edge.node_id).ok()?))
        })
        .collect();
    numbered.sort_unstable();
    numbered.into_iter().map(|(_, id)| id).collect()
}
