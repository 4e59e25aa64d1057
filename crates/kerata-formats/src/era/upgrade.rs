//! An artifact of an older era as one that Keras 3 loads without custom objects.

use kerata_core::{Artifact, Error, Result, Tree};

use super::{Change, Era, Known, compose};
use crate::walk;

/// The Keras in whose dialect an upgraded artifact is.
const KERAS_VERSION: &str = "3.15.1";

/// What Keras 3 cannot express, with what to do about it.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("ClassMethod", "Keras 3 has no op for this call"),
    ("ConvRNN2D", "Keras 3 has no such layer"),
    ("Highway", "Keras 3 has no such layer"),
    ("InstanceMethod", "Keras 3 has no op for this call"),
    ("InstanceProperty", "Keras 3 has no op for this call"),
    ("LocallyConnected1D", "Keras 3 has no such layer"),
    ("LocallyConnected2D", "Keras 3 has no such layer"),
    ("MaxoutDense", "Keras 3 has no such layer"),
    ("Merge", "Keras 3 has no layer for this mode"),
    ("ParametricSoftplus", "Keras 3 has no such layer"),
    ("RandomFourierFeatures", "Keras 3 has no such layer"),
    ("RandomHeight", "Keras 3 has no such layer"),
    ("RandomWidth", "Keras 3 has no such layer"),
    ("SReLU", "Keras 3 has no such layer"),
    ("SlicingOpLambda", "Keras 3 has no op for this call"),
    ("TFOpLambda", "Keras 3 has no op for this call"),
    ("TensorFlowOpLayer", "Keras 3 has no op for this call"),
    ("__lambda__", "Python code, which Keras 3 loads with `safe_mode` off alone"),
];

/// Fields whose value Keras 3 has no meaning for.
const FIELDS: &[(&str, &str)] =
    &[("BatchNormalization", "mode"), ("BatchNormalization", "renorm"), ("", "time_major")];

/// A layer that Keras 3 has nothing for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where: "layer `highway_1`".
    pub place: String,
    /// Why: "`Highway`: Keras 3 has no such layer".
    pub why: String,
}

/// An artifact as a reader gives it (its config normalised), ready to be written as a Keras 3 file, with everything
/// that was changed. What Keras 3 cannot express is an error that names the layer.
///
/// Some layers are written as several ones, for which `known` tells the shapes of tensors; without them fewer can be.
pub fn upgrade(artifact: Artifact, known: &Known) -> Result<(Artifact, Vec<Change>)> {
    if artifact.config.is_none() {
        return Err(Error::mismatch("the file has weights only: there is no model to upgrade"));
    }
    let (artifact, changes, refused) = express(artifact, known)?;
    match refused.into_iter().next() {
        Some(refused) => Err(Error::unsupported(refused.why).at(refused.place)),
        None => Ok((artifact, changes)),
    }
}

/// The same, as far as it goes: what Keras 3 cannot express stays as it is and is listed.
pub fn express(mut artifact: Artifact, known: &Known) -> Result<(Artifact, Vec<Change>, Vec<Refused>)> {
    let era = Era::of(artifact.metadata.keras_version.as_deref());
    let mut changes = Vec::new();
    // The readers kept the originals: what was done is done once more, to be listed.
    if let Some(mut config) = artifact.original_config.take() {
        changes.extend(super::model(&mut config, era));
    }
    if let Some(mut config) = artifact.original_compile_config.take() {
        changes.extend(super::training(&mut config, era));
    }
    changes.extend(super::repair(&mut artifact)?);
    let outcome = compose::compose(&mut artifact, known)?;
    changes.extend(outcome.changes);
    let mut refused: Vec<Refused> =
        outcome.refused.into_iter().map(|(place, why)| Refused { place, why }).collect();
    if let Some(config) = &artifact.config {
        check(config, "model", &mut refused);
    }
    artifact.metadata.keras_version = Some(KERAS_VERSION.to_owned());
    artifact.metadata.format = None;
    artifact.metadata.extra.clear();
    Ok((artifact, changes, refused))
}

/// Lists what Keras 3 cannot express.
fn check(tree: &Tree, around: &str, refused: &mut Vec<Refused>) {
    let name = tree.path(&["config", "name"]).or_else(|| tree.get("name")).and_then(Tree::as_str);
    let mut around = around.to_owned();
    if let Some(class) = tree.class_name() {
        if let Some(name) = name.filter(|_| tree.get("config").is_some()) {
            around = format!("layer `{name}`");
        }
        if let Some(why) = reason(tree, class)
            && !refused.iter().any(|known| known.place == around)
        {
            refused.push(Refused { place: around.clone(), why });
        }
    }
    match tree {
        Tree::List(items) => items.iter().for_each(|item| check(item, &around, refused)),
        Tree::Object(entries) => {
            if is_code(tree) && !refused.iter().any(|known| known.place == around) {
                let why = "a function is Python code, which Keras 3 cannot read back".to_owned();
                refused.push(Refused { place: around.clone(), why });
            }
            let inner = entries.iter().filter(|(key, _)| *key != "dtype");
            inner.for_each(|(_, item)| check(item, &around, refused));
        }
        _ => {}
    }
}

/// Code, defaults and closure of a function that is an argument: Keras forgets to say what it is.
fn is_code(tree: &Tree) -> bool {
    let parts = tree.get("value").and_then(Tree::as_list);
    tree.as_object().is_some_and(|entries| entries.len() == 1) && matches!(parts, Some([Tree::Text(_), _, _]))
}

fn reason(tree: &Tree, class: &str) -> Option<String> {
    if let Some((_, why)) = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == class) {
        let function = tree.path(&["config", "function"]).and_then(Tree::as_str);
        let function = function.map(|function| format!(" of `{function}`")).unwrap_or_default();
        return Some(format!("`{class}`{function}: {why}"));
    }
    let field = FIELDS.iter().find(|(of, field)| {
        (of.is_empty() || *of == class) && tree.path(&["config", field]).is_some_and(|value| !value.is_null())
    });
    if let Some((_, field)) = field {
        let value = tree.path(&["config", field]).map(Tree::to_json).unwrap_or_default();
        return Some(format!("`{field}` = {value} of `{class}`: Keras 3 has no such field"));
    }
    // Classes that stand in the list of a model are layers.
    let registered = tree.get("registered_name").and_then(Tree::as_str);
    let is_op = tree.get("module").and_then(Tree::as_str).is_some_and(|module| module.contains(".ops"));
    let is_layer = tree.get("inbound_nodes").is_some() || registered == Some(class);
    let is_custom = is_layer && !is_op && !walk::is_known(class) && class != "function";
    let is_package = registered.is_some_and(|name| name.contains('>'));
    (is_custom || is_package)
        .then(|| format!("`{class}`: the class is not one of Keras 3; its code is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::{ErrorKind, Limits};

    fn artifact(config: &str) -> Artifact {
        let mut artifact = Artifact::new();
        artifact.config = Some(Tree::parse(config.as_bytes(), &Limits::default()).unwrap());
        artifact.metadata.keras_version = Some("2.3.0".to_owned());
        artifact
    }

    #[test]
    fn what_keras_3_lacks_is_refused_by_the_name_of_the_layer() {
        let config = r#"{"class_name": "Sequential", "config": {"name": "s", "layers": [
            {"class_name": "ConvRNN2D", "config": {"name": "local"}}]}}"#;
        let error = upgrade(artifact(config), &Known::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.trail().any(|place| place == "layer `local`"));
    }

    #[test]
    fn an_upgraded_artifact_is_of_keras_3() {
        let config = r#"{"class_name": "Sequential", "config": {"name": "s", "layers": []}}"#;
        let (upgraded, _) = upgrade(artifact(config), &Known::new()).unwrap();
        assert_eq!(Era::of(upgraded.metadata.keras_version.as_deref()), Era::Keras3);
    }
}
