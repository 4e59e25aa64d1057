//! Writes a checkpoint as `tf.train.Checkpoint.write` does, or name-based where the artifact came from such a one.

use std::collections::{BTreeMap, HashMap, HashSet};

use kerata_core::{Artifact, DType, Data, Error, FolderSink, Limits, LossReport, Result, Tree, Variable};
use prost::Message;

use super::keys::{OBJECT_GRAPH_KEY, VALUE_ATTRIBUTE, VALUE_SUFFIX, value_key};
use crate::containers::bundle::{BundleWriter, edit, index_name, shard_name};
use crate::containers::proto::tensorflow::TrackableObjectGraph;
use crate::containers::proto::tensorflow::trackable_object_graph::{
    TrackableObject,
    trackable_object::{ObjectReference, SerializedTensor, SlotVariableReference},
};
use crate::containers::proto::well_known::BoolValue;
use crate::originals;

/// Between the path of a variable and that of the optimizer that keeps a slot for it.
const SLOT_MARKER: &str = ".OPTIMIZER_SLOT";

/// Writes the files of a prefix: the shard, then the index.
pub(super) fn write(artifact: &Artifact, prefix: &str, folder: &mut dyn FolderSink) -> Result<LossReport> {
    let mut losses = LossReport::new();
    if write_back(artifact, prefix, folder)? {
        return Ok(losses);
    }
    report_losses(artifact, &mut losses);
    let is_named = artifact.metadata.format.as_deref() == Some("checkpoint")
        && artifact.variables.get(OBJECT_GRAPH_KEY).is_none();
    let mut keyed = Vec::new();
    for (path, variable) in artifact.variables.iter().filter(|(path, _)| *path != OBJECT_GRAPH_KEY) {
        keyed.push((if is_named { path.to_owned() } else { key_of(path, variable) }, variable));
    }
    let mut sink = folder.create(&shard_name(prefix, 0, 1))?;
    let mut bundle = BundleWriter::new(sink.as_mut());
    for (key, variable) in &keyed {
        match variant_shape(artifact, key) {
            Some(shape) => bundle.add_variant(key, &shape, &variable.data.bytes()?)?,
            None if matches!(variable.dtype, DType::Opaque(_)) => {
                losses.lose(format!("variable `{key}`: a checkpoint has no type {}", variable.dtype));
            }
            None => bundle.add(key, variable)?,
        }
    }
    if !is_named {
        bundle.add_text(OBJECT_GRAPH_KEY, graph_bytes(artifact, &keyed)?)?;
    }
    let index = bundle.finish();
    drop(sink);
    let mut sink = folder.create(&index_name(prefix))?;
    index.write(sink.as_mut())?;
    Ok(losses)
}

/// Writes the files of an artifact that came from a checkpoint with the values that are new in their places; false, and
/// nothing, when more has changed.
fn write_back(artifact: &Artifact, prefix: &str, folder: &mut dyn FolderSink) -> Result<bool> {
    let is_own = artifact.metadata.format.as_deref() == Some("checkpoint") && artifact.traces.is_none();
    let Some(original) = artifact.original.as_ref().filter(|_| is_own) else { return Ok(false) };
    let Some(changed) = original.changed(&artifact.variables)? else { return Ok(false) };
    // The files are kept under the names that they have with an empty prefix.
    let index_file = index_name("");
    let mut places = BTreeMap::new();
    let mut index = None;
    if !changed.is_empty() {
        let stored = original.files.iter().find(|(name, _)| *name == index_file);
        let Some((_, stored)) = stored else { return Ok(false) };
        let changes = originals::changes(artifact, &changed, |_| Vec::new());
        let made = edit(stored.bytes()?.into_owned(), "", &changes, &Limits::default())?;
        let Some(made) = made else { return Ok(false) };
        index = Some(Data::owned(made.index));
        places = made.shards;
    }
    for (name, data) in &original.files {
        let data = index.as_ref().filter(|_| *name == index_file).unwrap_or(data);
        let mut file = folder.create(&format!("{prefix}{name}"))?;
        originals::write(data, places.get(name).map_or(&[][..], Vec::as_slice), file.as_mut())?;
    }
    Ok(true)
}

fn report_losses(artifact: &Artifact, losses: &mut LossReport) {
    if artifact.config.is_some() {
        losses.lose("the model's config: a checkpoint keeps variables only");
    }
    if artifact.compile_config.is_some() {
        losses.lose("the compile config: a checkpoint keeps variables only");
    }
    if !artifact.assets.is_empty() {
        losses.lose(format!("{} assets: a checkpoint keeps variables only", artifact.assets.len()));
    }
}

/// The key of a variable: its own where it came from a checkpoint.
fn key_of(path: &str, variable: &Variable) -> String {
    match &variable.origin {
        Some(origin) if origin.contains("/.ATTRIBUTES/") => origin.clone(),
        _ if path.contains("/.ATTRIBUTES/") => path.to_owned(),
        _ => value_key(&path.split('/').map(str::to_owned).collect::<Vec<_>>()),
    }
}

/// The shape of a variant tensor that was kept as it is stored.
fn variant_shape(artifact: &Artifact, key: &str) -> Option<Vec<u64>> {
    let shape = artifact.metadata.extra.get("variants")?.get(key)?.as_list()?;
    shape.iter().map(Tree::as_u64).collect()
}

/// The object graph: the artifact's own while it fits the keys, else one made from them.
fn graph_bytes(artifact: &Artifact, keyed: &[(String, &Variable)]) -> Result<Vec<u8>> {
    let own =
        artifact.variables.get(OBJECT_GRAPH_KEY).and_then(|variable| variable.data.as_strings()?.first());
    if let Some(bytes) = own
        && let Ok(graph) = TrackableObjectGraph::decode(bytes.as_slice())
    {
        // Tables and iterators are stored under keys of their own making; values of variables must agree one to one.
        let attributes = graph.nodes.iter().flat_map(|node| &node.attributes);
        let named = attributes.filter(|attribute| attribute.name == VALUE_ATTRIBUTE);
        let named: HashSet<&str> = named.map(|attribute| attribute.checkpoint_key.as_str()).collect();
        let written = keyed.iter().map(|(key, _)| key.as_str()).filter(|key| key.ends_with(VALUE_SUFFIX));
        if named == written.collect() {
            return Ok(bytes.clone());
        }
    }
    let entries =
        keyed.iter().map(|(key, variable)| (key.as_str(), variable.name.as_deref().unwrap_or_default()));
    Ok(object_graph(entries)?.encode_to_vec())
}

/// The object graph of variables with these keys and full names: one object an edge.
pub(crate) fn object_graph<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<TrackableObjectGraph> {
    let mut builder = Builder::default();
    builder.object("");
    for (key, full_name) in entries {
        let (path, attribute) =
            key.split_once("/.ATTRIBUTES/").ok_or_else(|| Error::internal("key without attribute"))?;
        let node = match path.split_once(&format!("/{SLOT_MARKER}/")) {
            Some((original, rest)) => builder.slot(path, original, rest)?,
            None => builder.object(path),
        };
        builder.attributes.entry(node).or_default().push(SerializedTensor {
            name: attribute.to_owned(),
            full_name: full_name.to_owned(),
            checkpoint_key: key.to_owned(),
        });
    }
    Ok(builder.finish())
}

/// Numbers objects by their escaped paths.
#[derive(Default)]
struct Builder {
    ids: HashMap<String, usize>,
    children: Vec<Vec<(String, usize)>>,
    attributes: BTreeMap<usize, Vec<SerializedTensor>>,
    slots: BTreeMap<usize, Vec<SlotVariableReference>>,
}

impl Builder {
    /// The object of a path, made with all objects above it.
    fn object(&mut self, path: &str) -> usize {
        if let Some(id) = self.ids.get(path) {
            return *id;
        }
        let parent = match (path.is_empty(), path.rsplit_once('/')) {
            (true, _) => None,
            (false, Some((parent, edge))) => Some((self.object(parent), edge)),
            (false, None) => Some((0, path)),
        };
        let id = self.children.len();
        self.children.push(Vec::new());
        self.ids.insert(path.to_owned(), id);
        if let Some((parent, edge)) = parent
            && let Some(children) = self.children.get_mut(parent)
        {
            children.push((unescape(edge), id));
        }
        id
    }

    /// The object of a slot variable, which hangs at its optimizer.
    fn slot(&mut self, path: &str, original: &str, rest: &str) -> Result<usize> {
        let (optimizer, slot) =
            rest.rsplit_once('/').ok_or_else(|| Error::corrupt("a slot's key names no optimizer"))?;
        let (original, optimizer) = (self.object(original), self.object(optimizer));
        let id = self.children.len();
        self.children.push(Vec::new());
        self.ids.insert(path.to_owned(), id);
        let number = |id: usize| i32::try_from(id).map_err(|_| Error::limit("more than 2^31 objects"));
        self.slots.entry(optimizer).or_default().push(SlotVariableReference {
            original_variable_node_id: number(original)?,
            slot_name: unescape(slot),
            slot_variable_node_id: number(id)?,
        });
        Ok(id)
    }

    fn finish(mut self) -> TrackableObjectGraph {
        // An object has values when it or anything below it has some; children have higher numbers than parents.
        let mut has_values: Vec<bool> =
            (0..self.children.len()).map(|id| self.attributes.contains_key(&id)).collect();
        for id in (0..self.children.len()).rev() {
            let below = self.children.get(id).into_iter().flatten();
            let any =
                below.fold(false, |any, (_, child)| any | has_values.get(*child).copied().unwrap_or(false));
            if let Some(value) = has_values.get_mut(id) {
                *value |= any;
            }
        }
        let object = |(id, children): (usize, Vec<(String, usize)>)| TrackableObject {
            children: children
                .into_iter()
                .map(|(local_name, id)| ObjectReference { node_id: id as i32, local_name })
                .collect(),
            attributes: self.attributes.remove(&id).unwrap_or_default(),
            slot_variables: self.slots.remove(&id).unwrap_or_default(),
            registered_saver: None,
            has_checkpoint_values: Some(BoolValue { value: has_values.get(id).copied().unwrap_or(false) }),
        };
        TrackableObjectGraph {
            nodes: std::mem::take(&mut self.children).into_iter().enumerate().map(object).collect(),
        }
    }
}

/// An edge name as it was before it was escaped.
fn unescape(part: &str) -> String {
    let mut name = String::with_capacity(part.len());
    let mut chars = part.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('.', Some('.')) => name.push('.'),
            ('.', Some('S')) => name.push('/'),
            _ => {
                name.push(c);
                continue;
            }
        }
        chars.next();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_made_from_keys() {
        let key = |path: &str| format!("{path}{VALUE_SUFFIX}");
        let keys =
            [key("net/layers/0/kernel"), key("net/layers/0/kernel/.OPTIMIZER_SLOT/opt/m"), key("opt/iter")];
        let graph = object_graph(keys.iter().map(|key| (key.as_str(), "n"))).unwrap();
        let edge = |node: usize, name: &str| {
            graph.nodes[node].children.iter().find(|child| child.local_name == name).unwrap().node_id as usize
        };
        let kernel = edge(edge(edge(edge(0, "net"), "layers"), "0"), "kernel");
        assert_eq!(graph.nodes[kernel].attributes[0].name, VALUE_ATTRIBUTE);
        let opt = edge(0, "opt");
        let slot = &graph.nodes[opt].slot_variables[0];
        assert_eq!((slot.original_variable_node_id as usize, slot.slot_name.as_str()), (kernel, "m"));
        assert_eq!(graph.nodes[slot.slot_variable_node_id as usize].attributes[0].checkpoint_key, keys[1]);
        assert!(graph.nodes.iter().all(|node| node.has_checkpoint_values == Some(BoolValue { value: true })));
    }
}
