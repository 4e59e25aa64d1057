//! Objects and variables to groups and datasets of a Keras 3 weights file.

use indexmap::IndexMap;
use kerata_core::{Artifact, LossReport, Originals, Result, Shape, Variable, Variables};

use super::read::OLD_LAYERS;
use crate::checkpoint::keys::OBJECT_GRAPH_KEY;
use crate::containers::hdf5::{Plan, Writer};
use crate::{Compression, WriteOptions};

/// Lays out all variables of an artifact.
pub(crate) fn plan(artifact: &Artifact, options: &WriteOptions) -> Result<Plan> {
    // Paths that come from a file of Keras 2.12 or 2.13 go back into the same format.
    let is_old =
        artifact.metadata.format.as_deref() == Some("weights.h5") && has_old_paths(&artifact.variables);
    plan_spelled(&artifact.objects, &artifact.variables, is_old, options)
}

/// Lays out the variables as a file had them.
pub(crate) fn plan_originals(originals: &Originals, options: &WriteOptions) -> Result<Plan> {
    plan_spelled(&originals.objects, &originals.variables, has_old_paths(&originals.variables), options)
}

fn plan_spelled(
    objects: &IndexMap<String, Option<String>>,
    variables: &Variables,
    is_old: bool,
    options: &WriteOptions,
) -> Result<Plan> {
    let objects = objects.iter().map(|(path, name)| (path.as_str(), name.as_deref()));
    // TensorFlow's list of its own objects says nothing outside of its files.
    let variables = variables.iter().filter(|(path, _)| *path != OBJECT_GRAPH_KEY);
    if !is_old {
        return plan_of(objects, variables, options);
    }
    let objects: Vec<_> = objects.map(|(path, name)| (old_spelling(path), name)).collect();
    let variables: Vec<_> = variables.map(|(path, of)| (old_spelling(path), of)).collect();
    plan_of(
        objects.iter().map(|(path, name)| (path.as_str(), *name)),
        variables.iter().map(|(path, variable)| (path.as_str(), *variable)),
        options,
    )
}

fn has_old_paths(variables: &Variables) -> bool {
    let mut origins = variables.iter().filter_map(|(_, variable)| variable.origin.as_deref());
    origins.any(|origin| origin.split('/').any(|part| part == OLD_LAYERS))
}

fn old_spelling(path: &str) -> String {
    let replace = |part| if part == "layers" { OLD_LAYERS } else { part };
    path.split('/').map(replace).collect::<Vec<_>>().join("/")
}

/// Lays out these objects and variables.
pub(crate) fn plan_of<'a>(
    objects: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    variables: impl Iterator<Item = (&'a str, &'a Variable)>,
    options: &WriteOptions,
) -> Result<Plan> {
    let mut writer = Writer::new().compression(options.compression);
    for (object, name) in objects {
        let group = if object.is_empty() { "vars".to_owned() } else { format!("{object}/vars") };
        writer.group(&group)?;
        if let Some(name) = name {
            writer.attribute(&group, "name", name)?;
        }
    }
    for (path, variable) in variables {
        let shape = Shape::known(variable.shape.iter().copied());
        writer.dataset(path, variable.dtype, &shape, variable.data.clone())?;
    }
    writer.plan()
}

/// What a file of weights alone leaves out.
pub(crate) fn config_losses(artifact: &Artifact, format: &str, compression: Compression) -> LossReport {
    let mut report = compression.losses();
    if artifact.config.is_some() {
        report.lose(format!("the model's config: {format} keeps weights only"));
    }
    if artifact.compile_config.is_some() {
        report.lose(format!("the compile config: {format} keeps weights only"));
    }
    if !artifact.assets.is_empty() {
        let count = artifact.assets.len();
        report.lose(format!("assets ({count} files): {format} keeps weights only"));
    }
    if !artifact.extras.is_empty() {
        let count = artifact.extras.len();
        report.lose(format!("other files ({count}): {format} keeps weights only"));
    }
    report
}
