//! TensorFlow ops whose arguments are computed from shapes, written as Keras ops once the shapes are known.

use std::collections::{HashMap, HashSet};

use kerata_core::{Artifact, Result, Tree};

use super::compose::{Moved, apply};
use super::marks::{Marks, Walked};
use super::tf::sizes::{self, Graph, Value};
use super::{Change, Known, order, tf};
use crate::walk;

/// Writes what TensorFlow ops are left in an artifact as Keras ops, as far as the shapes that are known allow; gives what
/// was done. More may be known afterwards.
pub fn resolve(artifact: &mut Artifact, known: &Known) -> Result<Vec<Change>> {
    let Some(config) = artifact.config.clone().filter(has_ops) else { return Ok(Vec::new()) };
    let mut marked = config.clone();
    let marks = Marks::set(&mut marked);
    let before = Walked::of(&walk::objects(&marked));
    let mut work = Work { known, marks: &marks, names: Vec::new(), changes: Vec::new() };
    work.model(&mut marked);
    let changes = work.changes;
    if changes.is_empty() {
        return Ok(changes);
    }
    let after = Walked::of(&walk::objects(&marked));
    marks.clear(&mut marked);
    apply(artifact, &config, marked, &Moved { before, after, moves: HashMap::new() })?;
    Ok(changes)
}

/// Whether TensorFlow ops are left in a config.
pub fn has_ops(tree: &Tree) -> bool {
    tf::is_op(tree)
        || match tree {
            Tree::List(items) => items.iter().any(has_ops),
            Tree::Object(entries) => entries.values().any(has_ops),
            _ => false,
        }
}

struct Work<'a> {
    known: &'a Known,
    marks: &'a Marks,
    names: Vec<String>,
    changes: Vec<Change>,
}

impl Work<'_> {
    fn model(&mut self, tree: &mut Tree) {
        let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) else { return };
        for layer in config.get_mut("layers").and_then(Tree::as_list_mut).into_iter().flatten() {
            let mark = layer.path(&["config", "name"]).and_then(Tree::as_str).unwrap_or_default().to_owned();
            self.names.push(self.marks.original(&mark).to_owned());
            self.model(layer);
            self.names.pop();
        }
        let outputs = config.get("output_layers").cloned().unwrap_or_default();
        let has_graph = config.contains_key("input_layers");
        let Some(layers) = config.get_mut("layers").and_then(Tree::as_list_mut).filter(|_| has_graph) else {
            return;
        };
        if !layers.iter().any(tf::is_op) {
            return;
        }
        let count = self.changes.len();
        let written = self.layers(layers);
        *layers = written;
        if self.changes.len() > count {
            drop_dead(layers, &outputs);
            order::by_depth(config);
        }
    }

    fn layers(&mut self, layers: &[Tree]) -> Vec<Tree> {
        let place = |name: &str| {
            let mut names = self.names.clone();
            names.push(name.to_owned());
            names
        };
        let inputs = |name: &str| self.known.inputs(&place(name)).to_vec();
        let graph = Graph { layers, inputs: &inputs };
        let mut out = Vec::with_capacity(layers.len());
        let mut changes = Vec::new();
        for layer in layers {
            let name = layer.get("name").and_then(Tree::as_str).unwrap_or_default();
            let is_value = || graph.value(&sizes::named(name)).is_some();
            if !is_op(layer) || is_value() {
                out.push(layer.clone());
                continue;
            }
            let mut layer = layer.clone();
            let nodes = layer.get_mut("inbound_nodes").and_then(Tree::as_list_mut);
            let mut changed = false;
            for node in nodes.into_iter().flatten() {
                changed |= substitute(node, &graph);
            }
            if tf::is_op(&layer) {
                let what =
                    layer.path(&["config", "function"]).and_then(Tree::as_str).unwrap_or_default().to_owned();
                match written(&layer, &inputs(name), layers) {
                    Some(entries) => {
                        changes.push((name.to_owned(), format!("`{what}` is written as ops of Keras")));
                        out.extend(entries);
                    }
                    None => out.push(layer),
                }
                continue;
            }
            if !changed {
                out.push(layer);
                continue;
            }
            let mut counted = Vec::new();
            let name = name.to_owned();
            if let Some(nodes) = layer.get_mut("inbound_nodes")
                && count_sizes(nodes, &name, layers, &mut counted).is_some()
            {
                changes.push((
                    name,
                    "a size that the graph computes is written as a number or a count".to_owned(),
                ));
                out.extend(counted);
                out.push(layer);
            } else if let Some(old) = layers.iter().find(|old| old.get("name") == layer.get("name")) {
                out.push(old.clone());
            }
        }
        self.changes
            .extend(changes.into_iter().map(|(name, what)| Change { place: place(&name).join("/"), what }));
        out
    }
}

fn is_op(layer: &Tree) -> bool {
    let module = layer.get("module").and_then(Tree::as_str);
    tf::is_op(layer) || module.is_some_and(|module| module.contains(".ops"))
}

/// Puts numbers and marks into the place of tensors that shapes tell; gives whether there were any.
fn substitute(tree: &mut Tree, graph: &Graph<'_>) -> bool {
    if tree.class_name() == Some("__keras_tensor__") {
        let value = graph.value(tree);
        if let Some(value) = &value {
            *tree = value.tree();
        }
        return value.is_some_and(|value| !matches!(value, Value::List(items) if items.is_empty()));
    }
    match tree {
        Tree::List(items) => {
            let mut any = false;
            for item in items {
                any |= substitute(item, graph);
            }
            any
        }
        Tree::Object(entries) => {
            let mut any = false;
            for item in entries.values_mut() {
                any |= substitute(item, graph);
            }
            any
        }
        _ => false,
    }
}

/// The entries of a TensorFlow op in Keras ops.
fn written(layer: &Tree, inputs: &[kerata_core::graph::TensorSpec], layers: &[Tree]) -> Option<Vec<Tree>> {
    let name = layer.get("name")?.as_str()?;
    let function = layer.path(&["config", "function"])?.as_str()?;
    let [node] = layer.get("inbound_nodes")?.as_list()? else { return None };
    let call = tf::Call::of(node)?;
    let ops = match sizes::has_size(node) {
        true => sizes::convert(function, &call, inputs, &|tensor| rank(tensor, layers, inputs))
            .or_else(|| tf::by_name(function, &call)),
        false => tf::by_name(function, &call).or_else(|| tf::ranked::convert(function, &call, inputs)),
    };
    let ops = ops.filter(|ops| !ops.iter().any(tf::Op::is_second))?;
    let entries = sizes::entries(ops, name);
    (!entries.iter().any(sizes::has_size)).then_some(entries)
}

/// The number of axes of a tensor: that of an input layer, or of the op that takes it.
fn rank(tensor: &Tree, layers: &[Tree], inputs: &[kerata_core::graph::TensorSpec]) -> Option<usize> {
    let name = tensor.path(&["config", "keras_history"])?.as_list()?.first()?;
    let layer = layers.iter().find(|layer| layer.get("name") == Some(name))?;
    let shape = layer.path(&["config", "batch_shape"]).and_then(Tree::as_list).map(<[Tree]>::len);
    shape.or_else(|| inputs.first().map(kerata_core::graph::TensorSpec::rank))
}

/// Writes counts for the sizes among the operands of an op.
fn count_sizes(tree: &mut Tree, name: &str, layers: &[Tree], out: &mut Vec<Tree>) -> Option<()> {
    if tree.class_name() == Some(sizes::SIZE) {
        let ops = sizes::counted(tree, &|tensor| rank(tensor, layers, &[]))?;
        let own = format!("{name}_size{}", out.len());
        out.extend(sizes::entries(ops, &own));
        *tree = sizes::named(&own);
        return Some(());
    }
    match tree {
        Tree::List(items) => items.iter_mut().try_for_each(|item| count_sizes(item, name, layers, out)),
        Tree::Object(entries) => {
            entries.values_mut().try_for_each(|item| count_sizes(item, name, layers, out))
        }
        _ => Some(()),
    }
}

/// Drops ops whose results nothing takes any more.
fn drop_dead(layers: &mut Vec<Tree>, outputs: &Tree) {
    let mut alive: HashSet<String> = HashSet::new();
    let mut waiting = Vec::new();
    ends(outputs, &mut waiting);
    // What is no op stays, and so does what it takes.
    let kept = layers.iter().filter(|layer| !is_op(layer));
    waiting.extend(kept.filter_map(|layer| layer.get("name").and_then(Tree::as_str).map(str::to_owned)));
    while let Some(name) = waiting.pop() {
        if !alive.insert(name.clone()) {
            continue;
        }
        let layer = layers.iter().find(|layer| layer.get("name").and_then(Tree::as_str) == Some(&name));
        if let Some(nodes) = layer.and_then(|layer| layer.get("inbound_nodes")) {
            tensors(nodes, &mut waiting);
        }
    }
    layers.retain(|layer| layer.get("name").and_then(Tree::as_str).is_none_or(|name| alive.contains(name)));
}

fn ends(tree: &Tree, names: &mut Vec<String>) {
    match tree {
        Tree::List(items) => match items.as_slice() {
            [Tree::Text(name), Tree::Int(_), Tree::Int(_)] => names.push(name.clone()),
            items => items.iter().for_each(|item| ends(item, names)),
        },
        Tree::Object(entries) => entries.values().for_each(|item| ends(item, names)),
        _ => {}
    }
}

fn tensors(tree: &Tree, names: &mut Vec<String>) {
    if tree.class_name() == Some("__keras_tensor__") {
        let name = tree.path(&["config", "keras_history"]).and_then(Tree::as_list).and_then(<[Tree]>::first);
        names.extend(name.and_then(Tree::as_str).map(str::to_owned));
        return;
    }
    match tree {
        Tree::List(items) => items.iter().for_each(|item| tensors(item, names)),
        Tree::Object(entries) => entries.values().for_each(|item| tensors(item, names)),
        _ => {}
    }
}
