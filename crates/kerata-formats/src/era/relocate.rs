//! Variables of a `.keras` file of Keras 2, brought from the places that Keras 2 gave them to those of Keras 3: the order of
//! layers differs, attributes have other names, the optimizer keeps no rate.

use std::collections::HashMap;

use kerata_core::{Artifact, Result, Role, Tree, Variables};

use super::marks::{Marks, Walked};
use super::{Era, model};
use crate::h5::{missing_slot, whole_number};
use crate::walk::{self, Slot, SlotTarget, Walk, slots};

/// Attributes of Keras 2 with those of Keras 3.
const RENAMED: &[(&str, &str)] = &[
    ("_key_dense", "key_dense"),
    ("_output_dense", "output_dense"),
    ("_query_dense", "query_dense"),
    ("_value_dense", "value_dense"),
];

/// Moves the variables of an artifact whose configs were just normalised; `original` is its config before.
pub(crate) fn relocate(artifact: &mut Artifact, original: &Tree) -> Result<()> {
    let Some(config) = artifact.config.clone() else { return Ok(()) };
    let mut old = original.clone();
    Marks::set(&mut old);
    let old_walk = walk::objects(&old);
    let before = Walked::of(&old_walk);
    model(&mut old, Era::Keras2);
    let after = Walked::of(&walk::objects(&old));
    let new_walk = walk::objects(&config);

    let mut variables = Variables::new();
    let mut state: Vec<(String, kerata_core::Variable)> = Vec::new();
    let mut sources: HashMap<String, String> = HashMap::new();
    let mut shapes: HashMap<String, Vec<u64>> = HashMap::new();
    for (path, variable) in std::mem::take(&mut artifact.variables) {
        if variable.role == Role::Optimizer {
            state.push((path.replace("/_optimizer/", "/inner_optimizer/"), variable));
            continue;
        }
        let renamed = renamed(&path);
        shapes.insert(renamed.clone(), variable.shape.clone());
        let new = moved(&renamed, &before, &after).filter(|new| variables.get(new).is_none());
        let new = new.unwrap_or_else(|| renamed.clone());
        sources.insert(new.clone(), renamed);
        variables.insert(new, variable)?;
    }
    artifact.variables = variables;
    let objects = std::mem::take(&mut artifact.objects);
    for (path, name) in objects {
        let renamed = renamed(&path);
        artifact.objects.insert(moved(&renamed, &before, &after).unwrap_or(renamed), name);
    }
    optimizer(artifact, &state, &old_walk, &new_walk, &Places { sources, shapes })
}

struct Places {
    /// Where each variable was.
    sources: HashMap<String, String>,
    /// Shapes by old path.
    shapes: HashMap<String, Vec<u64>>,
}

fn moved(path: &str, before: &Walked, after: &Walked) -> Option<String> {
    let (mark, _, rest) = before.owner(path)?;
    let new = after.path(mark)?;
    Some(match (new, rest) {
        ("", rest) => rest.to_owned(),
        (new, "") => new.to_owned(),
        (new, rest) => format!("{new}/{rest}"),
    })
}

fn renamed(path: &str) -> String {
    if !path.contains("multi_head_attention") {
        return path.to_owned();
    }
    let part = |part| RENAMED.iter().find(|(old, _)| *old == part).map_or(part, |(_, new)| *new);
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The optimizer's state, slot by slot.
fn optimizer(
    artifact: &mut Artifact,
    state: &[(String, kerata_core::Variable)],
    old_walk: &Walk,
    new_walk: &Walk,
    places: &Places,
) -> Result<()> {
    if state.is_empty() {
        return Ok(());
    }
    let config = artifact.compile_config.as_ref().and_then(|config| config.get("optimizer")).cloned();
    let old: Option<Vec<(String, SlotTarget)>> = targets(old_walk, |path| places.shapes.get(path).cloned());
    let new = targets(new_walk, |path| Some(artifact.variables.get(path)?.shape.clone()));
    let wanted = config.as_ref().zip(old.as_ref()).zip(new.as_ref()).and_then(|((config, old), new)| {
        Some((stored(slots(config, &plain(old))?), slots(config, &plain(new))?))
    });
    let (Some(config), Some(old), Some(new), Some((was, wanted))) = (config, old, new, wanted) else {
        return kept(artifact, state);
    };
    let fits = was.iter().all(|slot| {
        let found = state.iter().find(|(path, _)| *path == slot.path);
        found.is_some_and(|(_, variable)| variable.shape == slot.shape)
    });
    if !fits {
        artifact.notes.push(format!("the optimizer's {} arrays have no counterpart in Keras 3", state.len()));
        return kept(artifact, state);
    }
    let targets = plain(&new);
    let counted = was.iter().find(|slot| slot.name == "iteration");
    let steps = counted.and_then(|slot| state.iter().find(|(path, _)| *path == slot.path));
    let steps = steps.map_or(Ok(0), |(_, variable)| whole_number(variable.dtype, &variable.data))?;
    for slot in &wanted {
        let target = match slot.target {
            None => Some(None),
            Some(at) => {
                let source = new.get(at).and_then(|(path, _)| places.sources.get(path));
                source.and_then(|source| old.iter().position(|(path, _)| path == source)).map(Some)
            }
        };
        let above = |path: &str| path.rsplit_once('/').map(|(above, _)| above.to_owned());
        let is_it = |other: &&Slot| {
            other.name == slot.name && Some(other.target) == target && above(&other.path) == above(&slot.path)
        };
        let source = was.iter().find(is_it).and_then(|was| state.iter().find(|(path, _)| *path == was.path));
        let mut variable = match source {
            Some((_, variable)) => variable.clone(),
            None => missing_slot(slot, &config, &targets, steps)?,
        };
        variable.role = Role::Optimizer;
        variable.name = Some(slot.name.clone());
        artifact.variables.insert(slot.path.clone(), variable)?;
    }
    Ok(())
}

/// The slots that Keras 2 stores: rates and products are no variables of its optimizers.
fn stored(slots: Vec<Slot>) -> Vec<Slot> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let is_stored = |slot: &Slot| !matches!(slot.name.as_str(), "learning_rate" | "u_product");
    let mut kept: Vec<Slot> = slots.into_iter().filter(is_stored).collect();
    for slot in &mut kept {
        let above = slot.path.rsplit_once('/').map(|(above, _)| above.to_owned()).unwrap_or_default();
        let count = counts.entry(above.clone()).or_insert(0);
        slot.path = format!("{above}/{count}");
        *count += 1;
    }
    kept
}

fn targets(walk: &Walk, shape: impl Fn(&str) -> Option<Vec<u64>>) -> Option<Vec<(String, SlotTarget)>> {
    let target = |weight: &walk::Weight<'_>| {
        let slot = SlotTarget { path: weight.keras_path(), shape: shape(weight.path())? };
        Some((weight.path().to_owned(), slot))
    };
    walk.trainable_weights().iter().map(target).collect()
}

fn plain(targets: &[(String, SlotTarget)]) -> Vec<SlotTarget> {
    targets.iter().map(|(_, slot)| slot.clone()).collect()
}

fn kept(artifact: &mut Artifact, state: &[(String, kerata_core::Variable)]) -> Result<()> {
    state.iter().try_for_each(|(path, variable)| artifact.variables.insert(path.clone(), variable.clone()))
}
