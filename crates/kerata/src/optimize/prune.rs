//! Leaves out what nothing reads: variables that no signature or function of a traced model uses, and second copies.

use std::collections::HashSet;

use kerata_core::graph::NodeKind;
use kerata_core::{Artifact, Result, Role};

use super::Pass;

/// Where the reader of SavedModels notes the variables that Keras 3 stored twice.
const TWINS: &str = "twins";

pub(super) fn run(artifact: &mut Artifact, pass: &mut Pass) -> Result<()> {
    if let Some(twins) = artifact.metadata.extra.shift_remove(TWINS) {
        let count = twins.as_object().map_or(0, kerata_core::Object::len);
        pass.changed += count as u64;
        pass.note(format!("{count} variables were stored twice"));
    }
    let Some(traces) = artifact.traces.clone().filter(|_| artifact.config.is_none()) else { return Ok(()) };
    let mut used = HashSet::new();
    for name in traces.names() {
        let graph = match traces.graph(&name) {
            Ok(graph) => graph,
            Err(error) => {
                // What a function reads that cannot be read is not known: everything stays.
                pass.note(format!("no variable is left out: `{name}` cannot be read ({})", error.message()));
                return Ok(());
            }
        };
        for node in &graph.nodes {
            if let NodeKind::Variable { path, .. } = &node.kind {
                used.insert(path.clone());
            }
        }
        used.extend(graph.updates.iter().map(|(path, _)| path.clone()));
    }
    if used.is_empty() {
        return Ok(());
    }
    let before = artifact.variables.len();
    artifact.variables.retain(|path, variable| variable.role == Role::Optimizer || used.contains(path));
    let unused = before - artifact.variables.len();
    if unused > 0 {
        pass.changed += unused as u64;
        pass.note(format!("{unused} variables are read by no signature or function"));
    }
    Ok(())
}
