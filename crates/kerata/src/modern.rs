//! `modern`: an artifact of any era as Keras 3 has it, with shapes from tracing its layers.

use kerata_core::Artifact;
use kerata_formats::era::{Change, Era, Known, Refused};
use kerata_nn::Registry;
use kerata_nn::models::explore;

/// An artifact as Keras 3 loads it, with what was changed and what Keras 3 has nothing for, which stays as it is.
///
/// Layers that Keras 3 no longer has are written as several that it has; their variables and the optimizer's state move
/// along.
pub fn modern(
    artifact: Artifact,
    registry: &Registry,
) -> kerata_core::Result<(Artifact, Vec<Change>, Vec<Refused>)> {
    let known = known(&artifact, registry);
    kerata_formats::era::express(artifact, &known)
}

/// Whether an artifact is in the dialect of an older Keras and a format that is written keeps that of Keras 3: then it
/// should be made [`modern`] first. The format that it came from gets it back as it was.
pub fn wants_modern(artifact: &Artifact, format: &str) -> bool {
    let is_old = Era::of(artifact.metadata.keras_version.as_deref()) < Era::Keras3;
    let has_dialect = matches!(format, "keras" | "keras-folder" | "h5" | "weights.h5" | "weights.json");
    let from = artifact.metadata.format.as_deref();
    let is_same = from == Some(format) || (from == Some("keras") && format == "keras-folder");
    is_old && artifact.config.is_some() && has_dialect && !is_same
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
