//! Whether a file holds the variables that its built-in layers have: as many, under the numbers that Keras gives them.

use std::collections::{HashMap, HashSet};

use kerata_core::{Artifact, Error, Result};

use super::{Walk, objects};

/// Fails for a model one of whose built-in layers has more or fewer variables in the file than its class says; such a
/// file Keras does not load either. What Keras itself leaves out or does not tell is put right before. A model without any variables is one that was never built.
pub fn check_variables(artifact: &Artifact) -> Result<()> {
    let Some(config) = &artifact.config else { return Ok(()) };
    if artifact.weights().next().is_none() {
        return Ok(());
    }
    let mut repaired = artifact.clone();
    crate::era::repair(&mut repaired)?;
    let walk = objects(repaired.config.as_ref().unwrap_or(config));
    let found = numbered(&repaired);
    for (path, wanted) in expected(&walk) {
        let found = found.get(path).cloned().unwrap_or_default();
        if wanted != found {
            return Err(Error::mismatch(format!("expected {} variables, found {}", wanted.len(), found.len()))
                .hint("the file was edited, or another version of the class wrote it; other formats take the variables alone")
                .at(format!("layer `{path}`")));
        }
    }
    Ok(())
}

/// The numbers of the variables of each object.
fn numbered(artifact: &Artifact) -> HashMap<&str, HashSet<&str>> {
    let mut found: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (path, _) in artifact.variables.iter() {
        if let Some((owner, number)) = path.rsplit_once("/vars/")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            found.entry(owner).or_default().insert(number);
        }
    }
    found
}

/// What the classes say, for the objects whose variables are known.
fn expected(walk: &Walk) -> impl Iterator<Item = (&str, HashSet<&str>)> {
    walk.objects().iter().filter_map(|object| {
        let own = object.variables.as_ref().filter(|_| !object.path.is_empty())?;
        // Keras 3.15 forgets some of them when it saves these modes.
        if own.iter().any(|variable| variable.name == "quantized_kernel") {
            return None;
        }
        let numbers = own.iter().filter_map(|variable| variable.path.as_deref()?.rsplit_once("/vars/"));
        let numbers =
            numbers.map(|(_, number)| number).filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
        Some((object.path.as_str(), numbers.collect()))
    })
}
