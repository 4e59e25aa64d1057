//! The objects of a SavedModel and the tensors that hold their variables.

use std::collections::{HashMap, HashSet, VecDeque};

use kerata_core::{Error, Result, ResultExt};

use crate::checkpoint::keys::VALUE_ATTRIBUTE;
use crate::checkpoint::objects::{Node, Objects, Slot};
use crate::containers::proto::tensorflow::{SavedObjectGraph, TrackableObjectGraph};

/// The objects of a SavedModel; edges that lead nowhere are refused.
pub(super) fn objects_of(graph: &SavedObjectGraph) -> Result<Objects> {
    let count = graph.nodes.len();
    let node = |node: &crate::containers::proto::tensorflow::SavedObject| {
        let children =
            node.children.iter().map(|child| Ok((child.local_name.clone(), index(child.node_id, count)?)));
        let slots = node.slot_variables.iter().map(|slot| {
            Ok(Slot {
                original: index(slot.original_variable_node_id, count)?,
                name: slot.slot_name.clone(),
                variable: index(slot.slot_variable_node_id, count)?,
            })
        });
        Ok(Node { children: children.collect::<Result<_>>()?, slots: slots.collect::<Result<_>>()? })
    };
    graph.nodes.iter().map(node).collect::<Result<_>>().map(Objects).at(|| "object graph")
}

fn index(id: i32, count: usize) -> Result<usize> {
    let index = usize::try_from(id).ok().filter(|index| *index < count);
    index.ok_or_else(|| Error::corrupt(format!("object {id} of {count} is named")))
}

/// The key of the tensor of each object's variable, found as TensorFlow finds it: by walking both graphs along edges of
/// the same names.
pub(super) fn keys_of(
    objects: &Objects,
    checkpoint: &TrackableObjectGraph,
) -> Result<HashMap<usize, String>> {
    let count = checkpoint.nodes.len();
    let mut keys = HashMap::new();
    let mut seen = HashSet::from([0usize]);
    let mut queue = VecDeque::from([(0usize, 0usize)]);
    while let Some((object, stored)) = queue.pop_front() {
        let (Some(node), Some(saved)) = (objects.0.get(object), checkpoint.nodes.get(stored)) else {
            continue;
        };
        if let Some(value) = saved.attributes.iter().find(|attribute| attribute.name == VALUE_ATTRIBUTE) {
            keys.insert(object, value.checkpoint_key.clone());
        }
        let edges: HashMap<&str, i32> =
            saved.children.iter().map(|child| (child.local_name.as_str(), child.node_id)).collect();
        for (edge, child) in &node.children {
            if let Some(id) = edges.get(edge.as_str())
                && seen.insert(*child)
            {
                queue.push_back((*child, index(*id, count)?));
            }
        }
        // A slot variable hangs at its optimizer under its original, told by its tensor, and a name.
        let slots: HashMap<(&str, &str), i32> = saved
            .slot_variables
            .iter()
            .filter_map(|slot| {
                let original = usize::try_from(slot.original_variable_node_id).ok()?;
                let tensors = &checkpoint.nodes.get(original)?.attributes;
                let value = tensors.iter().find(|tensor| tensor.name == VALUE_ATTRIBUTE)?;
                Some(((value.checkpoint_key.as_str(), slot.slot_name.as_str()), slot.slot_variable_node_id))
            })
            .collect();
        for slot in &node.slots {
            let original = keys.get(&slot.original);
            let id = original.and_then(|key| slots.get(&(key.as_str(), slot.name.as_str())));
            if let Some(id) = id
                && seen.insert(slot.variable)
            {
                queue.push_back((slot.variable, index(*id, count)?));
            }
        }
    }
    Ok(keys)
}
