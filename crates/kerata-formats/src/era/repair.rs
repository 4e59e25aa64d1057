//! Repairs: what Keras 3 writes and cannot read again, spelled so that it can. Results stay the same.
//!
//! One function a defect, one line in [`CONFIGS`] where the config alone tells it.

use kerata_core::{Artifact, DType, Error, Object, Result, Tree, Variables};

use super::Change;
use crate::walk::{self, Saved, Walk};

/// Tries a serialized object: what was done.
type Repair = fn(&mut Tree) -> Option<String>;

/// Defects that the config tells.
const CONFIGS: &[Repair] = &[function, shear];

/// Functions of `keras.ops` that serve as activations; Keras writes them without saying where they are from.
const OPS: &[&str] = &[
    "abs",
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cos",
    "cosh",
    "erf",
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "negative",
    "reciprocal",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
];

/// Repairs an artifact of Keras 3 in place; gives what was done.
pub fn repair(artifact: &mut Artifact) -> Result<Vec<Change>> {
    let Some(mut config) = artifact.config.take() else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    configs(&mut config, "", &mut changes);
    attention(&mut config, &artifact.variables, &mut changes);
    let shared = shared(&walk::objects(&config), &artifact.variables);
    artifact.config = Some(config);
    for (path, variables) in shared {
        for (place, twin) in variables {
            let variable = artifact.variables.get(&twin).cloned();
            artifact
                .variables
                .insert(place, variable.ok_or_else(|| Error::internal("a variable is gone"))?)?;
        }
        changes.push(Change {
            place: path,
            what: "a layer that an inner model has too: Keras makes it twice, so its variables stand twice"
                .to_owned(),
        });
    }
    Ok(changes)
}

/// Whether there is something to repair.
pub fn needs_repair(artifact: &Artifact) -> bool {
    let Some(mut config) = artifact.config.clone() else { return false };
    let mut changes = Vec::new();
    configs(&mut config, "", &mut changes);
    attention(&mut config, &artifact.variables, &mut changes);
    !changes.is_empty() || !shared(&walk::objects(&config), &artifact.variables).is_empty()
}

fn configs(tree: &mut Tree, around: &str, changes: &mut Vec<Change>) {
    let name = tree.path(&["config", "name"]).and_then(Tree::as_str);
    let place = name.map_or_else(|| around.to_owned(), str::to_owned);
    if tree.class_name().is_some() {
        for what in CONFIGS.iter().filter_map(|repair| repair(tree)) {
            changes.push(Change { place: place.clone(), what });
        }
    }
    match tree {
        Tree::List(items) => items.iter_mut().for_each(|item| configs(item, &place, changes)),
        Tree::Object(entries) => entries.values_mut().for_each(|item| configs(item, &place, changes)),
        _ => {}
    }
}

fn function(tree: &mut Tree) -> Option<String> {
    let is_it = tree.class_name() == Some("function")
        && tree.get("module").and_then(Tree::as_str) == Some("builtins")
        && tree.get("registered_name").and_then(Tree::as_str) == Some("function");
    let name = tree.get("config").filter(|_| is_it)?.as_str().filter(|name| OPS.contains(name))?.to_owned();
    let entries = tree.as_object_mut()?;
    entries.insert("module".into(), "keras.ops".into());
    entries.insert("registered_name".into(), name.as_str().into());
    Some(format!("the function `{name}` is told to be of `keras.ops`"))
}

/// Keras writes the range `[-x, x]` and takes `x`.
fn shear(tree: &mut Tree) -> Option<String> {
    let config = tree.as_object_mut()?;
    if config.get("class_name").and_then(Tree::as_str) != Some("RandomShear") {
        return None;
    }
    let config = config.get_mut("config")?.as_object_mut()?;
    let mut done = false;
    for key in ["x_factor", "y_factor"] {
        let range = config.get(key).and_then(Tree::as_list);
        if let Some([low, high]) = range
            && let (Some(low), Some(factor)) = (low.as_f64(), high.as_f64())
            && low < 0.0
            && low == -factor
        {
            config.insert(key.into(), factor.into());
            done = true;
        }
    }
    done.then(|| "`RandomShear` gets its factors as numbers".to_owned())
}

/// Attention whose projections hold int8, while its policy, which a loaded one makes them by, says nothing of it.
fn attention(config: &mut Tree, variables: &Variables, changes: &mut Vec<Change>) {
    let walk = walk::objects(config);
    let is_int8 = |owner: &Saved| {
        let variable = |index: usize| variables.get(&format!("{}/vars/{index}", owner.path));
        let kernel = variable(0).filter(|kernel| kernel.dtype == DType::Int8);
        let known = owner.variables.as_ref().map(Vec::len);
        // With a scale behind kernel and bias, where the config expects those two.
        kernel.is_some() && known.is_some_and(|known| variable(known).is_some())
    };
    let holders = walk.objects().iter().filter(|object| {
        let projections =
            walk.owners_of(object).into_iter().filter(|inner| inner.class_name == "EinsumDense");
        let is_attention =
            matches!(object.class_name.as_str(), "MultiHeadAttention" | "GroupedQueryAttention");
        is_attention && projections.clone().count() > 3 && projections.into_iter().all(is_int8)
    });
    let names: Vec<String> = holders.filter_map(|object| object.name.clone()).collect();
    for name in names {
        if with_policies(config, &name) {
            let what = "the projections of attention are told to hold int8".to_owned();
            changes.push(Change { place: name, what });
        }
    }
}

/// Gives the attention of a name a policy for its projections; gives whether it was there and had a plain one.
fn with_policies(tree: &mut Tree, name: &str) -> bool {
    let is_it = matches!(tree.class_name(), Some("MultiHeadAttention" | "GroupQueryAttention"))
        && tree.path(&["config", "name"]).and_then(Tree::as_str) == Some(name);
    if is_it && let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) {
        return policies(config, name).is_some();
    }
    match tree {
        Tree::List(items) => items.iter_mut().any(|item| with_policies(item, name)),
        Tree::Object(entries) => entries.values_mut().any(|item| with_policies(item, name)),
        _ => false,
    }
}

fn policies(config: &mut Object, name: &str) -> Option<()> {
    let default = config.get("dtype")?.clone();
    let source = match default.as_str() {
        Some(source) => source.to_owned(),
        None => default
            .path(&["config", "name"])?
            .as_str()
            .filter(|_| default.class_name() == Some("DTypePolicy"))?
            .to_owned(),
    };
    let object = |class: &str, config: Tree| {
        Tree::from([
            ("module", Tree::from("keras.dtype_policies")),
            ("class_name", Tree::from(class)),
            ("config", config),
            ("registered_name", Tree::Null),
        ])
    };
    let int8 = Tree::from([("mode", Tree::from("int8")), ("source_name", Tree::from(source))]);
    let int8 = object("QuantizedDTypePolicy", int8);
    let projections = format!("(.*/)?{name}/(query|key|value|attention_output)");
    let map = Tree::Object([(projections, int8)].into_iter().collect());
    let map = Tree::from([("default_policy", default), ("policy_map", map)]);
    config.insert("dtype".into(), object("DTypePolicyMap", map));
    Some(())
}

/// Layers that have no variables in the file because a layer of the same name, in an inner model, has them: their paths, with
/// the places of the variables here and there.
fn shared(walk: &Walk, variables: &Variables) -> Vec<(String, Vec<(String, String)>)> {
    let is_stored = |path: &Option<String>| path.as_ref().is_some_and(|path| variables.get(path).is_some());
    let mut found = Vec::new();
    for object in walk.objects() {
        let Some(own) = object.variables.as_ref().filter(|own| !own.is_empty()) else { continue };
        if own.iter().any(|variable| is_stored(&variable.path)) {
            continue;
        }
        let Some(twin) = walk.twin(object, &|twin| twin.iter().all(|variable| is_stored(&variable.path)))
        else {
            continue;
        };
        let pairs =
            own.iter().zip(twin).filter_map(|(own, twin)| Some((own.path.clone()?, twin.path.clone()?)));
        found.push((object.path.clone(), pairs.collect()));
    }
    found
}
