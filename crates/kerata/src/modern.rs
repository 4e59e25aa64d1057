//! `modern`: an artifact of any era as Keras 3 has it, with shapes from tracing its layers.

use kerata_core::Artifact;
use kerata_formats::era::{Change, Era, Known, Refused, needs_repair};
use kerata_nn::models::explore;
use kerata_nn::{Model, Registry};

/// An artifact as Keras 3 loads it, with what was changed and what Keras 3 has nothing for, which stays as it is.
///
/// Layers that Keras 3 no longer has are written as several that it has; their variables and the optimizer's state move
/// along.
pub fn modern(
    artifact: Artifact,
    registry: &Registry,
) -> kerata_core::Result<(Artifact, Vec<Change>, Vec<Refused>)> {
    let (artifact, resolved) = resolved(artifact, registry)?;
    let known = known(&artifact, registry);
    let (artifact, mut changes, refused) = kerata_formats::era::express(artifact, &known)?;
    changes.extend(resolved);
    Ok((artifact, changes, refused))
}

/// Most rounds of looking at shapes: each op that is resolved may tell the shapes of others.
const MAX_ROUNDS: usize = 64;

/// An artifact whose TensorFlow ops on shapes are written as ops of Keras, as far as shapes are known.
pub(crate) fn resolved(
    mut artifact: Artifact,
    registry: &Registry,
) -> kerata_core::Result<(Artifact, Vec<Change>)> {
    let mut changes = Vec::new();
    for _ in 0..MAX_ROUNDS {
        if !artifact.config.as_ref().is_some_and(kerata_formats::era::has_ops) {
            break;
        }
        let known = known(&artifact, registry);
        let more = kerata_formats::era::resolve(&mut artifact, &known)?;
        if more.is_empty() {
            break;
        }
        changes.extend(more);
    }
    Ok((artifact, changes))
}

/// Whether an artifact is in the dialect of an older Keras, or holds what Keras 3 writes and cannot read, and a format that is
/// written keeps the dialect of Keras 3: then it should be made [`modern`] first. The format that it came from gets it back as it was.
pub fn wants_modern(artifact: &Artifact, format: &str) -> bool {
    let has_dialect = matches!(format, "keras" | "keras-folder" | "h5" | "weights.h5" | "weights.json");
    let has_config = matches!(format, "keras" | "keras-folder" | "h5");
    let from = artifact.metadata.format.as_deref();
    let is_same = from == Some(format) || (from == Some("keras") && format == "keras-folder");
    !is_same && (is_old(artifact) && has_dialect || has_config && needs_repair(artifact))
}

/// Whether an artifact is in the dialect of a Keras before the third.
pub fn is_old(artifact: &Artifact) -> bool {
    artifact.config.is_some() && Era::of(artifact.metadata.keras_version.as_deref()) < Era::Keras3
}

/// The model of an artifact, brought to the layers and ops of Keras 3 as far as they go.
pub(crate) fn model(artifact: &Artifact, registry: &Registry) -> kerata_core::Result<Model> {
    model_by(artifact, registry, Model::from_artifact)
}

/// The same to be traced and no more.
pub(crate) fn model_to_trace(artifact: &Artifact, registry: &Registry) -> kerata_core::Result<Model> {
    model_by(artifact, registry, Model::to_trace)
}

fn model_by(
    artifact: &Artifact,
    registry: &Registry,
    make: fn(&Artifact, &Registry) -> kerata_core::Result<Model>,
) -> kerata_core::Result<Model> {
    if is_old(artifact)
        && let Ok((modern, _, _)) = modern(artifact.clone(), registry)
    {
        return make(&modern, registry);
    }
    make(artifact, registry)
}

/// What tracing the layers tells of the tensors of a model.
fn known(artifact: &Artifact, registry: &Registry) -> Known {
    let mut known = Known::new();
    let seen = artifact.config.as_ref().and_then(|config| explore(config, registry).ok());
    for (names, seen) in seen.into_iter().flatten() {
        known.insert(names, seen.inputs, seen.outputs);
    }
    known
}
