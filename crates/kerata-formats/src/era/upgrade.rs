//! An artifact of an older era as one that Keras 3 loads without custom objects.

use kerata_core::{Artifact, Error, Result, Tree};

use super::{Change, Era};

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
    ("RandomHeight", "Keras 3 has no such layer"),
    ("RandomWidth", "Keras 3 has no such layer"),
    ("SReLU", "Keras 3 has no such layer"),
    ("SlicingOpLambda", "Keras 3 has no op for this call"),
    ("TFOpLambda", "Keras 3 has no op for this call"),
    ("TensorFlowOpLayer", "Keras 3 has no op for this call"),
];

/// Fields whose value Keras 3 has no meaning for.
const FIELDS: &[(&str, &str)] =
    &[("BatchNormalization", "mode"), ("BatchNormalization", "renorm"), ("", "time_major")];

/// An artifact as a reader gives it (its config normalised), ready to be written as a Keras 3 file, with everything
/// that was changed. What Keras 3 cannot express is an error that names the layer.
pub fn upgrade(mut artifact: Artifact) -> Result<(Artifact, Vec<Change>)> {
    let era = Era::of(artifact.metadata.keras_version.as_deref());
    let mut changes = Vec::new();
    if let Some(config) = &artifact.config {
        check(config)?;
    } else {
        return Err(Error::mismatch("the file has weights only: there is no model to upgrade"));
    }
    // The readers kept the originals: what was done is done once more, to be listed.
    if let Some(mut config) = artifact.original_config.take() {
        changes.extend(super::model(&mut config, era));
    }
    if let Some(mut config) = artifact.original_compile_config.take() {
        changes.extend(super::training(&mut config, era));
    }
    artifact.metadata.keras_version = Some(KERAS_VERSION.to_owned());
    artifact.metadata.format = None;
    artifact.metadata.extra.clear();
    Ok((artifact, changes))
}

/// Refuses what Keras 3 cannot express.
fn check(tree: &Tree) -> Result<()> {
    if let Some(class) = tree.class_name() {
        let name = tree.path(&["config", "name"]).or_else(|| tree.get("name")).and_then(Tree::as_str);
        let place = || format!("layer `{}`", name.unwrap_or(class));
        if let Some((_, why)) = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == class) {
            let function = tree.path(&["config", "function"]).and_then(Tree::as_str);
            let function = function.map(|function| format!(" of `{function}`")).unwrap_or_default();
            return Err(Error::unsupported(format!("`{class}`{function}: {why}")).at(place()));
        }
        let field = FIELDS.iter().find(|(of, field)| {
            (of.is_empty() || *of == class)
                && tree.path(&["config", field]).is_some_and(|value| !value.is_null())
        });
        if let Some((_, field)) = field {
            let value = tree.path(&["config", field]).map(Tree::to_json).unwrap_or_default();
            let message = format!("`{field}` = {value} of `{class}`: Keras 3 has no such field");
            return Err(Error::unsupported(message).at(place()));
        }
    }
    match tree {
        Tree::List(items) => items.iter().try_for_each(check),
        Tree::Object(entries) => entries.values().try_for_each(check),
        _ => Ok(()),
    }
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
            {"class_name": "LocallyConnected1D", "config": {"name": "local"}}]}}"#;
        let error = upgrade(artifact(config)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.trail().any(|place| place == "layer `local`"));
    }

    #[test]
    fn an_upgraded_artifact_is_of_keras_3() {
        let config = r#"{"class_name": "Sequential", "config": {"name": "s", "layers": []}}"#;
        let (upgraded, _) = upgrade(artifact(config)).unwrap();
        assert_eq!(Era::of(upgraded.metadata.keras_version.as_deref()), Era::Keras3);
    }
}
