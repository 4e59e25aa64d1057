//! Arrays that another format lists by layer (a SavedModel of Keras 2), put under Keras's paths.

use kerata_core::{Artifact, Result, Variable};

use super::arrays::Array;
use super::layers::{Named, Writer};
use super::{optimizer, read};
use crate::era::Era;
use crate::walk;

/// Arrays with their names.
pub(crate) type Listed = Vec<(String, Variable)>;

/// Adds the arrays of layers, in the order in which Keras 2 lists them, and those of the optimizer, to an artifact whose
/// configs are in the Keras 3 dialect. The address of each stays as `origin`.
pub(crate) fn place(
    artifact: &mut Artifact,
    era: Era,
    layers: &[(String, Listed)],
    slots: &Listed,
) -> Result<()> {
    let walk = artifact.config.as_ref().map(walk::objects);
    let layers: Vec<(String, Vec<Named>)> =
        layers.iter().map(|(name, arrays)| (name.clone(), named(arrays))).collect();
    let writer = Writer { era, backend: Some("tensorflow") };
    read::place_layers(artifact, walk.as_ref(), &layers, writer)?;
    if let Some(walk) = &walk {
        optimizer::placed(artifact, walk, era, &named(slots))?;
        for object in walk.objects() {
            artifact.objects.insert(object.path.clone(), object.name.clone());
        }
    }
    Ok(())
}

fn named(arrays: &Listed) -> Vec<Named> {
    let one = |(name, variable): &(String, Variable)| Named {
        name: name.clone(),
        array: Array {
            origin: variable.origin.clone().unwrap_or_default(),
            dtype: variable.dtype,
            shape: variable.shape.clone(),
            data: variable.data.clone(),
        },
    };
    arrays.iter().map(one).collect()
}
