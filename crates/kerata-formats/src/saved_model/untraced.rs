//! SavedModels without functions (`save_traces=False`): `keras_metadata.pb` says what the model is, and which path and
//! part in it each stored variable has.

use kerata_core::graph::TensorSpec;
use kerata_core::{Artifact, Error, FolderSink, LossReport, Result, ResultExt, Role, Shape, Tree, Variables};
use prost::Message;

use super::write::{put, put_variables};
use super::{GRAPH_FILE, keras_metadata};
use crate::checkpoint::keys::OBJECT_GRAPH_KEY;
use crate::containers::proto::tf_keras::{SavedMetadata, SavedObject, VersionDef};
use crate::tensorflow::export::{Stored, saved_model};

/// Entry of the metadata of the root that is kerata's own.
pub(super) const ENTRY: &str = "kerata";

/// What a variable is for, as the metadata calls it.
const ROLES: &[(&str, Role)] = &[
    ("weight", Role::Weight),
    ("optimizer", Role::Optimizer),
    ("metric", Role::Metric),
    ("seed", Role::Seed),
    ("state", Role::State),
];

/// Writes config and variables; no graph.
pub(super) fn write(artifact: &Artifact, folder: &mut dyn FolderSink) -> Result<LossReport> {
    let config = artifact.config.as_ref().ok_or_else(|| {
        Error::unsupported("without traces a SavedModel holds the model's config, and this artifact has none")
    })?;
    let mut variables = Vec::new();
    let mut listed = Vec::new();
    for (path, variable) in artifact.variables.iter() {
        let shape = Shape::known(variable.shape.iter().copied());
        let stored = Stored {
            path: path.to_owned(),
            spec: TensorSpec::new(variable.dtype, shape),
            trainable: variable.trainable.unwrap_or(variable.role == Role::Weight),
            name: variable.name.clone().unwrap_or_else(|| path.to_owned()),
            // What each of them is for stands in the metadata.
            is_optimizer: false,
        };
        let role = ROLES.iter().find(|(_, role)| *role == variable.role).map_or("state", |(name, _)| name);
        let name = variable.name.as_deref().map_or(Tree::Null, Tree::from);
        listed.push(Tree::List(vec![path.into(), role.into(), name]));
        variables.push((stored, variable.clone()));
    }
    let specs: Vec<Stored> = variables.iter().map(|(stored, _)| stored.clone()).collect();
    put(folder, GRAPH_FILE, &saved_model(&[], &specs)?.encode_to_vec())?;
    put_variables(folder, &variables)?;
    let own = Tree::from([("config", config.clone()), ("variables", Tree::List(listed))]);
    let text = |text: &Option<String>| text.as_deref().map_or(Tree::Null, Tree::from);
    let metadata = Tree::from([
        ("class_name", config.get("class_name").cloned().unwrap_or(Tree::Null)),
        ("config", config.get("config").cloned().unwrap_or(Tree::Null)),
        ("keras_version", text(&artifact.metadata.keras_version)),
        ("backend", text(&artifact.metadata.backend)),
        ("training_config", artifact.compile_config.clone().unwrap_or(Tree::Null)),
        (ENTRY, own),
    ]);
    let root = SavedObject {
        node_id: 0,
        node_path: "root".to_owned(),
        identifier: "_tf_keras_model".to_owned(),
        metadata: metadata.to_json(),
        version: Some(VersionDef { producer: 2, min_consumer: 1, bad_consumers: Vec::new() }),
    };
    put(folder, keras_metadata::FILE, &SavedMetadata { nodes: vec![root] }.encode_to_vec())?;
    let assets = artifact.assets.iter().map(|(name, data)| (format!("assets/{name}"), data));
    for (name, data) in assets.chain(artifact.extras.iter().map(|(name, data)| (name.clone(), data))) {
        let mut file = folder.create(&name)?;
        data.stream(&mut |part| file.write(part))?;
    }
    Ok(LossReport::new())
}

/// Gives the config as it was and the variables their paths and parts in the model.
pub(super) fn restore(artifact: &mut Artifact, own: &Tree) -> Result<()> {
    artifact.config = own.get("config").cloned();
    let listed = own.get("variables").and_then(Tree::as_list).unwrap_or_default();
    let stored = artifact.variables.iter().filter(|(key, _)| *key != OBJECT_GRAPH_KEY).count();
    if listed.len() != stored {
        return Err(Error::corrupt(format!("{} variables are listed, {stored} are stored", listed.len())));
    }
    let mut placed = Variables::new();
    for (at, entry) in listed.iter().enumerate() {
        let entry = || {
            let [path, role, name] = entry.as_list()? else { return None };
            let role = ROLES.iter().find(|(known, _)| Some(*known) == role.as_str())?.1;
            Some((path.as_str()?, role, name.as_str()))
        };
        let (path, role, name) =
            entry().ok_or_else(|| Error::corrupt(format!("entry {at} of the list of variables")))?;
        let key = format!("variables/{at}");
        let stored = artifact.variables.get(&key);
        let stored = stored.ok_or_else(|| Error::corrupt(format!("variable `{key}` is not stored")))?;
        let mut variable = stored.clone().with_role(role);
        variable.name = name.map(str::to_owned);
        variable.origin = None;
        placed.insert(path, variable).at(|| format!("variable `{path}`"))?;
    }
    artifact.variables = placed;
    Ok(())
}
