//! Name-based checkpoints of TensorFlow 1: what a variable is for is read off its name.

use std::collections::HashSet;

use kerata_core::{Artifact, Result, ResultExt, Role};
use prost::Message;

use super::read::add_tensor;
use crate::FolderRef;
use crate::containers::bundle::Bundle;
use crate::containers::proto;
use crate::containers::proto::tensorflow::{MetaGraphDef, VariableDef, collection_def};

/// Last parts of the names that TensorFlow's optimizers give to their slots.
const SLOTS: &[&str] = &[
    "Adam",
    "Adam_1",
    "Momentum",
    "RMSProp",
    "RMSProp_1",
    "RMSProp_2",
    "Adagrad",
    "Adadelta",
    "Adadelta_1",
    "Ftrl",
    "Ftrl_1",
    "AdaMax",
    "AdaMax_1",
    "LAMB",
    "LAMB_1",
    "LARSOptimizer",
    "GradientDescent",
];
/// Names that stand for themselves.
const OPTIMIZER_NAMES: &[&str] = &["beta1_power", "beta2_power"];
const COUNTERS: &[&str] = &["global_step"];

/// The graph that the `Saver` puts beside a checkpoint.
pub(super) fn meta_graph(folder: &FolderRef, prefix: &str) -> Result<Option<MetaGraphDef>> {
    let name = format!("{prefix}.meta");
    match folder.open(&name) {
        Ok(source) => proto::read(&source).at(|| name).map(Some),
        Err(_) => Ok(None),
    }
}

/// Adds every tensor of a bundle without objects; roles are read off the names, and what is trained off the graph.
pub(crate) fn add_named(
    artifact: &mut Artifact,
    bundle: &Bundle,
    graph: Option<&MetaGraphDef>,
) -> Result<()> {
    let trainable = graph.map(trainable_of).unwrap_or_default();
    let names: HashSet<&str> = bundle.names().collect();
    for name in bundle.names() {
        add_tensor(artifact, bundle, name, role_of(name, &names), name)?;
        if let Some(variable) = artifact.variables.get_mut(name).filter(|_| !trainable.is_empty()) {
            variable.trainable = Some(trainable.contains(name));
        }
    }
    Ok(())
}

/// Names of the trainable variables of a graph, without their output numbers.
fn trainable_of(graph: &MetaGraphDef) -> HashSet<String> {
    let Some(collection) = graph.collection_def.get("trainable_variables") else { return HashSet::new() };
    let Some(collection_def::Kind::BytesList(list)) = &collection.kind else { return HashSet::new() };
    let definitions = list.value.iter().filter_map(|bytes| VariableDef::decode(bytes.clone()).ok());
    definitions
        .map(|definition| {
            // A partition of a variable is stored in the tensor of the whole.
            let slice =
                definition.save_slice_info_def.map(|slice| slice.full_name).filter(|name| !name.is_empty());
            slice.unwrap_or_else(|| definition.variable_name.trim_end_matches(":0").to_owned())
        })
        .collect()
}

/// What a variable of this name is for.
fn role_of(name: &str, names: &HashSet<&str>) -> Role {
    let (owner, last) = name.rsplit_once('/').unwrap_or(("", name));
    if COUNTERS.contains(&last) {
        return Role::State;
    }
    // A slot is called after its variable, sometimes below the name of the optimizer.
    let mut owners = std::iter::successors(Some(owner), |owner| owner.split_once('/').map(|(_, rest)| rest));
    let is_slot = SLOTS.contains(&last) && owners.any(|owner| names.contains(owner));
    let is_power =
        OPTIMIZER_NAMES.contains(&last.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_'));
    if is_slot || is_power || OPTIMIZER_NAMES.contains(&last) { Role::Optimizer } else { Role::Weight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_told_by_their_names() {
        let names = HashSet::from(["w", "w/Adam", "opt/w/Adam_1", "Adam", "beta1_power", "global_step"]);
        assert_eq!(role_of("w", &names), Role::Weight);
        assert_eq!(role_of("w/Adam", &names), Role::Optimizer);
        assert_eq!(role_of("opt/w/Adam_1", &names), Role::Optimizer);
        assert_eq!(role_of("beta1_power_1", &names), Role::Optimizer);
        assert_eq!(role_of("global_step", &names), Role::State);
        assert_eq!(role_of("other/Adam", &HashSet::from(["other/Adam"])), Role::Weight);
    }
}
