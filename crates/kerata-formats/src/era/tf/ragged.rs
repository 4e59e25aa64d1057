//! Ragged tensors of Keras 2 that are made of dense ones and read again: nothing of them is ragged, and Keras 3 has none.
//!
//! Ragged inputs and everything that is done with row lengths stay as they are.

use kerata_core::Tree;

use super::Op;

/// What was written for one layer.
pub(super) struct Written {
    /// Name of the layer.
    pub name: String,
    /// What people are told.
    pub what: String,
}

/// Writes each `RaggedTensor.from_tensor` together with the layers that take it; `ends` are the outputs of the graph.
pub(super) fn ops(layers: &mut Vec<Tree>, ends: &Tree) -> Vec<Written> {
    let mut done = Vec::new();
    let sources: Vec<(String, Tree)> = layers.iter().filter_map(source).collect();
    for (name, dense) in sources {
        let takes_it = |layer: &&Tree| layer.get("inbound_nodes").is_some_and(|nodes| holds(nodes, &name));
        let uses = layers.iter().filter(takes_it);
        let written: Option<Vec<(String, Op, String)>> =
            uses.map(|layer| read_again(layer, &dense)).collect();
        let Some(written) = written.filter(|_| !holds(ends, &name)) else { continue };
        layers.retain(|layer| layer.get("name").and_then(Tree::as_str) != Some(&name));
        for (name, op, what) in written {
            let entry = op.entry(&name, &[]);
            let place =
                layers.iter_mut().find(|layer| layer.get("name").and_then(Tree::as_str) == Some(&name));
            if let Some(place) = place {
                *place = entry;
            }
            done.push(Written { name, what });
        }
    }
    done
}

/// The name of a layer that makes a ragged tensor of a dense one, and that.
fn source(layer: &Tree) -> Option<(String, Tree)> {
    let is_it = layer.class_name() == Some("ClassMethod")
        && layer.path(&["config", "cls_symbol"]).and_then(Tree::as_str) == Some("RaggedTensor")
        && layer.path(&["config", "method_name"]).and_then(Tree::as_str) == Some("from_tensor");
    let [node] = layer.get("inbound_nodes").filter(|_| is_it)?.as_list()? else { return None };
    let [argument] = node.get("args")?.as_list()? else { return None };
    let tensor = match argument {
        Tree::List(tensors) => match tensors.as_slice() {
            [only] => only,
            _ => return None,
        },
        tensor => tensor,
    };
    let name = layer.get("name")?.as_str()?.to_owned();
    (plain(node) && tensor.class_name() == Some("__keras_tensor__")).then(|| (name, tensor.clone()))
}

/// The op that reads a ragged tensor, on the dense one that it was made of.
fn read_again(layer: &Tree, dense: &Tree) -> Option<(String, Op, String)> {
    let name = layer.get("name")?.as_str()?.to_owned();
    let attribute = layer.path(&["config", "attr_name"])?.as_str()?;
    let [node] = layer.get("inbound_nodes")?.as_list()? else { return None };
    let op = match (layer.class_name()?, attribute) {
        _ if !plain(node) => return None,
        ("InstanceMethod", "to_tensor") => Op::new("keras.layers", "Identity", vec![dense.clone()]),
        ("InstanceProperty", "values" | "flat_values") => {
            let [_, _, rest @ ..] = dense.path(&["config", "shape"])?.as_list()? else { return None };
            let sizes = rest.iter().map(Tree::as_i64).collect::<Option<Vec<i64>>>()?;
            let shape: Vec<i64> = std::iter::once(-1).chain(sizes).collect();
            Op::numpy("Reshape", vec![dense.clone()]).with("newshape", shape)
        }
        _ => return None,
    };
    let what = format!("`{attribute}` of a ragged tensor that was dense is written as {}", op.class);
    Some((name, op, what))
}

/// Whether a method is called without arguments of its own.
fn plain(node: &Tree) -> bool {
    let is_empty = |value: &Tree| match value {
        Tree::Null => true,
        Tree::List(items) => items.is_empty(),
        Tree::Object(entries) => entries.values().all(Tree::is_null),
        _ => false,
    };
    node.get("kwargs").and_then(Tree::as_object).is_none_or(|kwargs| kwargs.values().all(is_empty))
}

/// Whether something comes from the layer of a name.
fn holds(tree: &Tree, name: &str) -> bool {
    match tree {
        Tree::List(items) => match items.as_slice() {
            [Tree::Text(from), Tree::Int(_), Tree::Int(_)] => from == name,
            items => items.iter().any(|item| holds(item, name)),
        },
        Tree::Object(entries) => entries.values().any(|item| holds(item, name)),
        _ => false,
    }
}
