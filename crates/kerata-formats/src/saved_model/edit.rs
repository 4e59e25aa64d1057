//! A SavedModel that is written back: files that say what has not changed keep their bytes.

use std::collections::BTreeMap;

use kerata_core::artifact::Original;
use kerata_core::{Artifact, Data, Error, FolderSink, Limits, Object, Result, ResultExt, Tree};

use super::assets::{ASSETS, EXTRAS};
use super::{GRAPH_FILE, VARIABLES_PREFIX};
use crate::containers::bundle::{edit, index_name};
use crate::containers::proto::splice;
use crate::originals;

/// Writes the files of an artifact that came from a SavedModel; false, and nothing, when more has changed than values,
/// assets and names of signatures.
pub(super) fn write(artifact: &Artifact, folder: &mut dyn FolderSink) -> Result<bool> {
    let own = artifact.original.as_ref().filter(|original| {
        artifact.metadata.format.as_deref() == Some("saved_model")
            && original.has_traces(artifact.traces.as_ref())
    });
    let Some(original) = own else { return Ok(false) };
    let Some(changed) = original.changed(&artifact.variables)? else { return Ok(false) };
    let mut files: BTreeMap<String, Data> = original.files.iter().cloned().collect();
    let mut places = BTreeMap::new();
    if !changed.is_empty() {
        let twins = artifact.metadata.extra.get("twins").and_then(Tree::as_object);
        let changes = originals::changes(artifact, &changed, |path| second_keys(twins, path));
        let index = index_name(VARIABLES_PREFIX);
        let Some(stored) = files.get(&index) else { return Ok(false) };
        let made = edit(stored.bytes()?.into_owned(), VARIABLES_PREFIX, &changes, &Limits::default());
        let Some(made) = made.at(|| index.clone())? else { return Ok(false) };
        files.insert(index, Data::owned(made.index));
        places = made.shards;
    }
    if !original.renamed.is_empty() {
        let graph = files.get(GRAPH_FILE).ok_or_else(|| Error::not_found(GRAPH_FILE))?.bytes()?.into_owned();
        let Some(renamed) = renamed(&graph, original) else { return Ok(false) };
        files.insert(GRAPH_FILE.to_owned(), Data::owned(renamed));
    }
    files.retain(|name, _| !name.starts_with(ASSETS) && !name.starts_with(EXTRAS));
    let assets = artifact.assets.iter().map(|(name, data)| (format!("{ASSETS}{name}"), data.clone()));
    let extras = artifact.extras.iter().map(|(name, data)| (name.clone(), data.clone()));
    files.extend(assets.chain(extras.filter(|(name, _)| name.starts_with(EXTRAS))));
    for (name, data) in &files {
        let mut file = folder.create(name)?;
        originals::write(data, places.get(name).map_or(&[][..], Vec::as_slice), file.as_mut())
            .at(|| name.clone())?;
    }
    Ok(true)
}

/// Further keys under which the value of a variable is stored.
fn second_keys(twins: Option<&Object>, path: &str) -> Vec<String> {
    let twins = twins.into_iter().flatten();
    twins.filter(|(_, of)| of.as_str() == Some(path)).map(|(key, _)| key.clone()).collect()
}

/// The message with other names of signatures; all else keeps its bytes.
fn renamed(message: &[u8], original: &Original) -> Option<Vec<u8>> {
    let new_name = |old: &[u8]| {
        let renamed = original.renamed.iter().find(|(name, _)| name.as_bytes() == old);
        renamed.map(|(_, new)| new.as_bytes().to_vec())
    };
    // Numbers of fields: SavedModel.meta_graphs 2; MetaGraphDef.signature_def 5 and object_graph_def 7, a map entry's
    // key 1; SavedObjectGraph.nodes 1; SavedObject.children 1 and user_object 4; a child's local_name 2; an identifier 1.
    let child =
        |bytes: &[u8]| splice::with_bytes(bytes, &mut |field, name| (field == 2).then(|| new_name(name))?);
    let is_map = |node: &[u8]| {
        let object = splice::bytes_of(node, 4);
        object.and_then(|object| splice::bytes_of(object, 1)) == Some(b"signature_map")
    };
    let node =
        |bytes: &[u8]| splice::with_bytes(bytes, &mut |field, part| (field == 1).then(|| child(part))?);
    let objects = |bytes: &[u8]| {
        splice::with_bytes(bytes, &mut |field, part| (field == 1 && is_map(part)).then(|| node(part))?)
    };
    let entry =
        |bytes: &[u8]| splice::with_bytes(bytes, &mut |field, key| (field == 1).then(|| new_name(key))?);
    let graph = |bytes: &[u8]| {
        splice::with_bytes(bytes, &mut |field, part| match field {
            5 => entry(part),
            7 => objects(part),
            _ => None,
        })
    };
    splice::with_bytes(message, &mut |field, part| (field == 2).then(|| graph(part))?)
}
