//! Variables and optimizer state brought to the places that they have after composing.

use std::collections::HashMap;

use kerata_core::{Artifact, Result, Role, Tree, Variable, Variables};

use super::{Move, Turn};
use crate::era::marks::Walked;
use crate::walk::{self, Slot, SlotTarget, Walk, slots};

/// Where everything was and is.
pub(in crate::era) struct Moved {
    pub(in crate::era) before: Walked,
    pub(in crate::era) after: Walked,
    /// Moves of the layers that were composed, by mark.
    pub(in crate::era) moves: HashMap<String, Vec<Move>>,
}

impl Moved {
    /// The new path of a variable and what becomes of its elements; `None` when it is dropped.
    fn place(&self, path: &str) -> Option<(String, &Turn)> {
        let (mark, _, rest) = self.before.owner(path)?;
        let Some(moves) = self.moves.get(mark) else {
            return Some((join(self.after.path(mark)?, rest), &Turn::Same));
        };
        moves.iter().find_map(|one| match one {
            Move::All { layer } => Some((join(self.after.path(layer)?, rest), &Turn::Same)),
            Move::Variable { from, layer, to, turn } => {
                let is_it = rest == format!("vars/{from}");
                let path = self.after.path(layer).filter(|_| is_it)?;
                Some((join(path, &format!("vars/{to}")), turn))
            }
        })
    }
}

/// Gives an artifact its new config and moves what belongs to it.
pub(in crate::era) fn apply(artifact: &mut Artifact, old: &Tree, new: Tree, moved: &Moved) -> Result<()> {
    let (old_walk, new_walk) = (walk::objects(old), walk::objects(&new));
    let old_targets = targets(artifact, &old_walk);
    let mut variables = Variables::new();
    let mut sources: HashMap<String, (String, Turn)> = HashMap::new();
    let mut kept: Vec<(String, Variable)> = Vec::new();
    for (path, variable) in artifact.variables.iter() {
        if matches!(variable.role, Role::Optimizer | Role::Metric) {
            kept.push((path.to_owned(), variable.clone()));
            continue;
        }
        if let Some((new, turn)) = moved.place(path) {
            variables.insert(new.clone(), turn.apply(variable)?)?;
            sources.insert(new, (path.to_owned(), turn.clone()));
        }
    }
    let new_targets = targets_of(&variables, &new_walk);
    let optimizer = artifact.compile_config.as_ref().and_then(|config| config.get("optimizer"));
    let state = optimizer.zip(old_targets.as_ref()).zip(new_targets.as_ref());
    let state = state.and_then(|((optimizer, old), new)| {
        let find = |targets: &[Target]| {
            slots(optimizer, &targets.iter().map(|t| t.slot.clone()).collect::<Vec<_>>())
        };
        Some((find(old)?, find(new)?, old, new))
    });
    match state {
        Some((old_slots, new_slots, old, new)) => {
            let source = |slot: &Slot| {
                let above = |path: &str| path.rsplit_once('/').map(|(above, _)| above.to_owned());
                let (target, turn) = match slot.target {
                    None => (None, &Turn::Same),
                    Some(at) => {
                        let (path, turn) = sources.get(&new.get(at)?.path)?;
                        (Some(old.iter().position(|target| target.path == *path)?), turn)
                    }
                };
                let is_it = |other: &&Slot| {
                    other.name == slot.name
                        && other.target == target
                        && above(&other.path) == above(&slot.path)
                };
                let found = old_slots.iter().find(is_it)?;
                Some((artifact.variables.get(&found.path)?, turn))
            };
            for slot in &new_slots {
                if let Some((variable, turn)) = source(slot) {
                    variables.insert(slot.path.clone(), turn.apply(variable)?)?;
                }
            }
            for (path, variable) in kept.into_iter().filter(|(_, variable)| variable.role == Role::Metric) {
                variables.insert(path, variable)?;
            }
        }
        None => {
            kept.into_iter().try_for_each(|(path, variable)| variables.insert(path, variable).map(|_| ()))?
        }
    }
    artifact
        .objects
        .retain(|path, _| path.is_empty() || path.starts_with("optimizer") || path.starts_with("metrics"));
    for object in new_walk.objects() {
        artifact.objects.insert(object.path.clone(), object.name.clone());
    }
    artifact.variables = variables;
    artifact.config = Some(new);
    Ok(())
}

/// A trainable weight.
struct Target {
    path: String,
    slot: SlotTarget,
}

fn targets(artifact: &Artifact, walk: &Walk) -> Option<Vec<Target>> {
    targets_of(&artifact.variables, walk)
}

fn targets_of(variables: &Variables, walk: &Walk) -> Option<Vec<Target>> {
    let weights = walk.trainable_weights();
    let target = |weight: &walk::Weight<'_>| {
        let shape = variables.get(weight.path())?.shape.clone();
        let slot = SlotTarget { path: weight.keras_path(), shape };
        Some(Target { path: weight.path().to_owned(), slot })
    };
    weights.iter().map(target).collect()
}

fn join(path: &str, rest: &str) -> String {
    match (path, rest) {
        ("", rest) => rest.to_owned(),
        (path, "") => path.to_owned(),
        (path, rest) => format!("{path}/{rest}"),
    }
}
