//! Reading a `.keras` model.

use kerata_core::{Artifact, Error, Limits, Originals, Result, ResultExt, Role, Tree};

use super::members::Members;
use super::{ASSETS, CONFIG, CONSTANTS, METADATA, TRACE, WEIGHTS, WEIGHTS_NPZ, WEIGHTS_PACKED, trace};
use crate::{era, npz, walk, weights_h5};

pub(super) fn read(members: &Members, limits: &Limits) -> Result<Artifact> {
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("keras".to_owned());
    let names = members.names()?;
    read_metadata(&mut artifact, members, &names, limits)?;
    read_config(&mut artifact, members, &names, limits)?;
    read_weights(&mut artifact, members, &names, limits)?;
    // Configs of thousands of layers take longer to copy than to read.
    if names.iter().any(|name| name == TRACE) {
        let config = artifact.config.clone().unwrap_or_default();
        trace::read(&mut artifact, &config, members, &names, limits)?;
    }
    read_files(&mut artifact, members, &names)?;
    settle(&mut artifact)?;
    Ok(artifact)
}

/// Brings config and variables as Keras 2 has them to Keras 3, and names the variables.
pub(crate) fn settle(artifact: &mut Artifact) -> Result<()> {
    let is_older = artifact.metadata.keras_version.as_deref().is_some_and(|version| version.starts_with('2'));
    if is_older {
        let original = artifact.config.clone().unwrap_or_default();
        let (variables, objects) = (artifact.variables.clone(), artifact.objects.clone());
        let changes = era::normalize(artifact);
        era::relocate(artifact, &original)?;
        artifact.originals = Some(Originals::new(variables, objects, artifact.variables.clone()));
        artifact
            .notes
            .push(format!("{} places of the config are spelled as Keras 3 spells them", changes.len()));
    }
    name_variables(artifact);
    Ok(())
}

fn read_metadata(
    artifact: &mut Artifact,
    members: &Members,
    names: &[String],
    limits: &Limits,
) -> Result<()> {
    let Some(text) = members.read(METADATA, names, limits.max_metadata_bytes)? else {
        artifact.notes.push(format!("no {METADATA}: the version of Keras is not known"));
        return Ok(());
    };
    let Tree::Object(entries) = Tree::parse(&text, limits).at(|| METADATA)? else {
        return Err(Error::corrupt("expected an object").at(METADATA));
    };
    let metadata = &mut artifact.metadata;
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("keras_version", Tree::Text(text)) => metadata.keras_version = Some(text),
            ("date_saved", Tree::Text(text)) => metadata.date_saved = Some(text),
            (_, value) => drop(metadata.extra.insert(key, value)),
        }
    }
    Ok(())
}

fn read_config(artifact: &mut Artifact, members: &Members, names: &[String], limits: &Limits) -> Result<()> {
    let text = members.read(CONFIG, names, limits.max_config_bytes)?;
    let text = text.ok_or_else(|| Error::corrupt(format!("no {CONFIG} in the model")))?;
    let mut config = Tree::parse(&text, limits).at(|| CONFIG)?;
    let Some(entries) = config.as_object_mut() else {
        return Err(Error::corrupt("expected an object").at(CONFIG));
    };
    if matches!(entries.get("compile_config"), Some(Tree::Object(_))) {
        artifact.compile_config = entries.shift_remove("compile_config");
    }
    artifact.config = Some(config);
    Ok(())
}

fn read_weights(artifact: &mut Artifact, members: &Members, names: &[String], limits: &Limits) -> Result<()> {
    let has = |name: &str| names.iter().any(|found| found == name);
    if has(WEIGHTS) && has(WEIGHTS_PACKED) {
        return Err(Error::corrupt(format!("weights in two places: {WEIGHTS} and {WEIGHTS_PACKED}")));
    }
    if let Some(name) = [WEIGHTS, WEIGHTS_PACKED].into_iter().find(|name| has(name)) {
        weights_h5::read_into(artifact, &members.source(name)?, limits).at(|| name)?;
        artifact.checks.extend(members.check(name));
    } else if has(WEIGHTS_NPZ) {
        npz::read_into(artifact, &members.source(WEIGHTS_NPZ)?, limits).at(|| WEIGHTS_NPZ)?;
        artifact.checks.extend(members.check(WEIGHTS_NPZ));
    } else {
        artifact.notes.push(format!("no {WEIGHTS}: the model has a config only"));
    }
    Ok(())
}

/// Gives variables the names that Keras knows them by, where the config says them.
fn name_variables(artifact: &mut Artifact) {
    let Some(walk) = artifact.config.as_ref().map(walk::objects) else { return };
    for variable in walk.objects().iter().filter_map(|object| object.variables.as_ref()).flatten() {
        let stored = variable.path.as_deref().and_then(|path| artifact.variables.get_mut(path));
        if let Some(stored) = stored.filter(|stored| stored.role != Role::Optimizer) {
            stored.name = Some(variable.name.clone());
            stored.trainable = Some(variable.trainable);
        }
    }
}

fn read_files(artifact: &mut Artifact, members: &Members, names: &[String]) -> Result<()> {
    for name in names {
        if matches!(name.as_str(), METADATA | CONFIG | WEIGHTS | WEIGHTS_PACKED | TRACE | CONSTANTS) {
            continue;
        }
        if name == WEIGHTS_NPZ && !names.iter().any(|name| name == WEIGHTS) {
            continue;
        }
        if is_system_junk(name) {
            artifact.notes.push(format!("`{name}` was put in by an operating system and is left out"));
            continue;
        }
        match name.strip_prefix(ASSETS) {
            Some(asset) => drop(artifact.assets.insert(asset.to_owned(), members.data(name)?)),
            None if matches!(members, Members::Folder(_)) => {
                artifact.notes.push(format!("`{name}` is no part of a model and is left out"));
                continue;
            }
            None => {
                artifact.notes.push(format!("`{name}` is no part of a model; it is kept as it is"));
                artifact.extras.insert(name.clone(), members.data(name)?);
            }
        }
        artifact.checks.extend(members.check(name));
    }
    Ok(())
}

/// Files that macOS and Windows drop beside others.
fn is_system_junk(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/")
        || file.starts_with("._")
        || matches!(file, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}
