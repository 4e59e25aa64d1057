//! What kerata notes in `__metadata__` so that an artifact comes back whole: config, objects, paths, true dtypes.

use indexmap::IndexMap;
use kerata_core::{Artifact, DType, Limits, Object, Result, ResultExt, Role, Tree, Variable, Variables};

use super::dtype;

const CONFIG: &str = "kerata.config";
const COMPILE: &str = "kerata.compile_config";
const OBJECTS: &str = "kerata.objects";
const VARIABLES: &str = "kerata.variables";
const VERSION: &str = "kerata.keras_version";

const ROLES: [(Role, &str); 5] = [
    (Role::Weight, "weight"),
    (Role::Optimizer, "optimizer"),
    (Role::Metric, "metric"),
    (Role::Seed, "seed"),
    (Role::State, "state"),
];

/// The metadata of an artifact whose variables are stored under these names.
pub(super) fn of(artifact: &Artifact, names: &IndexMap<&str, String>) -> Object {
    let mut metadata = Object::new();
    if artifact.metadata.format.as_deref() == Some("safetensors") {
        let texts = artifact.metadata.extra.iter().filter(|(_, value)| value.as_str().is_some());
        metadata.extend(texts.map(|(key, value)| (key.clone(), value.clone())));
        if artifact.config.is_none() && artifact.objects.is_empty() && !metadata.contains_key(VARIABLES) {
            return metadata;
        }
    }
    let mut note = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            metadata.insert(key.to_owned(), Tree::Text(value));
        }
    };
    note(CONFIG, artifact.config.as_ref().map(Tree::to_json));
    note(COMPILE, artifact.compile_config.as_ref().map(Tree::to_json));
    note(VERSION, artifact.metadata.keras_version.clone());
    if !artifact.objects.is_empty() {
        let objects = artifact.objects.iter().map(|(path, name)| (path.clone(), name.clone().into()));
        note(OBJECTS, Some(Tree::Object(objects.collect()).to_json()));
    }
    let variables = artifact.variables.iter().filter_map(|(path, variable)| {
        let mut facts = Object::new();
        facts.insert("path".to_owned(), path.into());
        let role = ROLES.iter().find(|(role, _)| *role == variable.role).map_or("weight", |(_, name)| *name);
        facts.insert("role".to_owned(), role.into());
        if !dtype::is_named(variable.dtype) {
            facts.insert("dtype".to_owned(), variable.dtype.to_string().into());
        }
        if let Some(trainable) = variable.trainable {
            facts.insert("trainable".to_owned(), trainable.into());
        }
        Some((names.get(path)?.clone(), Tree::Object(facts)))
    });
    note(VARIABLES, Some(Tree::Object(variables.collect()).to_json()));
    metadata
}

/// Takes what was noted out of the metadata again. Notes that do not fit the tensors are not believed.
pub(super) fn restore(artifact: &mut Artifact, limits: &Limits) -> Result<()> {
    let mut take = |key: &str| match artifact.metadata.extra.shift_remove(key) {
        Some(Tree::Text(text)) => Some(text),
        _ => None,
    };
    let (config, compile, objects) = (take(CONFIG), take(COMPILE), take(OBJECTS));
    let (variables, version) = (take(VARIABLES), take(VERSION));
    let parse = |text: String, key: &str| Tree::parse(text.as_bytes(), limits).at(|| key.to_owned());
    artifact.config = config.map(|text| parse(text, CONFIG)).transpose()?;
    artifact.compile_config = compile.map(|text| parse(text, COMPILE)).transpose()?;
    artifact.metadata.keras_version = version;
    if let Some(Tree::Object(objects)) = objects.map(|text| parse(text, OBJECTS)).transpose()? {
        let named = objects.into_iter().map(|(path, name)| (path, name.as_str().map(str::to_owned)));
        artifact.objects = named.collect();
    }
    let Some(Tree::Object(facts)) = variables.map(|text| parse(text, VARIABLES)).transpose()? else {
        return Ok(());
    };
    let mut stored = std::mem::take(&mut artifact.variables);
    let mut restored = Variables::new();
    for (name, facts) in &facts {
        if let Some(variable) = stored.remove(name) {
            let (path, variable) = restore_one(name, variable, facts);
            restored.insert(path, variable)?;
        }
    }
    for (name, variable) in stored {
        artifact.notes.push(format!("`{name}` was added by another program"));
        restored.insert(name, variable)?;
    }
    artifact.variables = restored;
    Ok(())
}

fn restore_one(name: &str, mut variable: Variable, facts: &Tree) -> (String, Variable) {
    let text = |key: &str| facts.get(key).and_then(Tree::as_str);
    let role = text("role").and_then(|role| ROLES.iter().find(|(_, name)| *name == role));
    variable.role = role.map_or(variable.role, |(role, _)| *role);
    variable.trainable = facts.get("trainable").and_then(Tree::as_bool);
    if let Some(dtype) = text("dtype").and_then(parse_dtype) {
        let mut shape = variable.shape.clone();
        if !matches!(dtype, DType::Int4 | DType::Uint4) {
            shape.pop();
        }
        if let Ok(typed) = Variable::new(dtype, shape, variable.data.clone()) {
            (variable.dtype, variable.shape) = (typed.dtype, typed.shape);
        }
    }
    let path = text("path").unwrap_or(name);
    let own = path.rsplit_once("/vars/").and_then(|(owner, _)| name.strip_prefix(owner)?.strip_prefix('/'));
    variable.name = own.filter(|own| !own.contains('/')).map(str::to_owned);
    (path.to_owned(), variable)
}

fn parse_dtype(name: &str) -> Option<DType> {
    match name.strip_prefix("opaque") {
        Some(size) => size.parse().ok().map(DType::Opaque),
        None => name.parse().ok(),
    }
}
