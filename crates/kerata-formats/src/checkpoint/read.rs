//! Reads a checkpoint: variables under their object paths, or under their names where there are no objects.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use kerata_core::artifact::{Check, Original};
use kerata_core::{Artifact, DType, Data, Error, Limits, Object, Result, ResultExt, Role, Tree, Variable};

use super::keys::{OBJECT_GRAPH_KEY, path_of_key};
use super::named;
use super::objects::{Node, Objects, Slot, refine};
use crate::FolderRef;
use crate::containers::bundle::{Bundle, Stored, index_name};
use crate::containers::proto::{self, tensorflow::TrackableObjectGraph};

/// Reads the checkpoint of this prefix.
pub(crate) fn read(folder: &FolderRef, prefix: &str, limits: &Limits) -> Result<Artifact> {
    let bundle = Bundle::open(folder, prefix, limits)?;
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("checkpoint".to_owned());
    if bundle.contains(OBJECT_GRAPH_KEY) {
        let graph = proto::decode(Bytes::from(bundle.text(OBJECT_GRAPH_KEY)?)).at(|| OBJECT_GRAPH_KEY)?;
        add_objects(&mut artifact, &bundle, &graph)?;
    } else {
        named::add_named(&mut artifact, &bundle, named::meta_graph(folder, prefix)?.as_ref())?;
    }
    add_leftovers(&mut artifact, &bundle)?;
    let original = Original::new(files(folder, prefix)?, &artifact.variables, None);
    artifact.original = Some(Arc::new(original));
    Ok(artifact)
}

/// The files of a prefix by what follows it: the index, the shards, the graph of TensorFlow 1.
fn files(folder: &FolderRef, prefix: &str) -> Result<Vec<(String, Data)>> {
    let mut found = Vec::new();
    for name in folder.names()? {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        if rest != index_name("") && rest != ".meta" && !rest.starts_with(".data-") {
            continue;
        }
        let source = folder.open(&name)?;
        let len = source.len();
        found.push((rest.to_owned(), Data::range(source, 0, len)?));
    }
    Ok(found)
}

/// Adds every variable that the object graph names, in the graph's order.
fn add_objects(artifact: &mut Artifact, bundle: &Bundle, graph: &TrackableObjectGraph) -> Result<()> {
    let objects = objects_of(graph)?;
    let roles = objects.roles();
    for (node, role) in graph.nodes.iter().zip(roles) {
        let role = role.unwrap_or_default();
        for attribute in &node.attributes {
            let key = attribute.checkpoint_key.as_str();
            if !bundle.contains(key) || artifact.variables.get(path_of_key(key)).is_some() {
                continue;
            }
            let is_value = path_of_key(key) != key;
            let role =
                if is_value && key != "save_counter/.ATTRIBUTES/VARIABLE_VALUE" { role } else { Role::State };
            add_tensor(artifact, bundle, key, role, &attribute.full_name)?;
        }
    }
    Ok(())
}

/// The objects of a checkpoint; edges that lead nowhere are refused.
fn objects_of(graph: &TrackableObjectGraph) -> Result<Objects> {
    let count = graph.nodes.len();
    let index = |id: i32| {
        usize::try_from(id)
            .ok()
            .filter(|index| *index < count)
            .ok_or_else(|| Error::corrupt(format!("object {id} of {count} is named")))
    };
    let node = |node: &proto::tensorflow::trackable_object_graph::TrackableObject| {
        let children =
            node.children.iter().map(|child| Ok((child.local_name.clone(), index(child.node_id)?)));
        let slots = node.slot_variables.iter().map(|slot| {
            Ok(Slot {
                original: index(slot.original_variable_node_id)?,
                name: slot.slot_name.clone(),
                variable: index(slot.slot_variable_node_id)?,
            })
        });
        Ok(Node { children: children.collect::<Result<_>>()?, slots: slots.collect::<Result<_>>()? })
    };
    graph.nodes.iter().map(node).collect::<Result<_>>().map(Objects).at(|| OBJECT_GRAPH_KEY)
}

/// Adds one tensor under its key.
pub(crate) fn add_tensor(
    artifact: &mut Artifact,
    bundle: &Bundle,
    key: &str,
    role: Role,
    full_name: &str,
) -> Result<()> {
    let path = path_of_key(key);
    let mut variable = match bundle.tensor(key)? {
        Stored::Plain(variable) => variable,
        Stored::Variant { shape, bytes } => {
            note_variant(artifact, key, &shape);
            let size = bytes.len() as u64;
            Variable::new(DType::Opaque(1), [size], Data::owned(bytes))?
        }
    };
    variable.role = refine(role, full_name, variable.dtype, &variable.shape);
    variable.origin = (path != key).then(|| key.to_owned());
    variable.name = Some(full_name.to_owned()).filter(|name| !name.is_empty());
    artifact.checks.push(Arc::new(TensorCheck { key: key.to_owned(), data: variable.data.clone() }));
    artifact.variables.insert(path, variable)
}

/// The checksum of a tensor, which is compared whenever the tensor is read.
#[derive(Debug)]
struct TensorCheck {
    key: String,
    data: Data,
}

impl Check for TensorCheck {
    fn place(&self) -> String {
        format!("`{}`", self.key)
    }

    fn run(&self, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        match self.data.as_strings() {
            Some(_) => Ok(()),
            None => self.data.stream(&mut |_| go_on()),
        }
    }
}

/// Keeps the shape of a variant tensor, whose bytes stay as they are stored.
fn note_variant(artifact: &mut Artifact, key: &str, shape: &[u64]) {
    let shape = Tree::List(shape.iter().map(|size| Tree::from(*size)).collect());
    let variants =
        artifact.metadata.extra.entry("variants".to_owned()).or_insert_with(|| Object::new().into());
    if let Some(variants) = variants.as_object_mut() {
        variants.insert(key.to_owned(), shape);
    }
    artifact.notes.push(format!("`{key}` is a variant tensor, kept as it is stored"));
}

/// Adds the tensors that nothing names, as state.
pub(crate) fn add_leftovers(artifact: &mut Artifact, bundle: &Bundle) -> Result<()> {
    let twins = artifact.metadata.extra.get("twins").and_then(Tree::as_object);
    let taken: HashSet<String> = artifact
        .variables
        .iter()
        .map(|(path, variable)| variable.origin.clone().unwrap_or_else(|| path.to_owned()))
        .chain(twins.into_iter().flat_map(Object::keys).cloned())
        .collect();
    for name in bundle.names().filter(|name| !taken.contains(*name)) {
        add_tensor(artifact, bundle, name, Role::State, "")?;
    }
    Ok(())
}
