//! The calls of a functional model: which layer is called on what, read from `inbound_nodes` and written back.

use indexmap::IndexMap;
use kerata_core::{Error, Object, Result, ResultExt, Tree};

use crate::config::{Value, unexpected};
use crate::layers::{AnyLayer, Argument, Arguments};
use crate::registry::Registry;

/// A result of a call: which layer, which of its calls, which of the call's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Position of the layer.
    pub member: usize,
    /// Which of its calls.
    pub call: usize,
    /// Which of the call's results.
    pub tensor: usize,
}

/// A layer of a functional model with its calls.
#[derive(Clone, Debug)]
pub struct Member {
    /// The layer.
    pub layer: AnyLayer,
    /// Its calls in order; none for an input.
    pub calls: Vec<Arguments<Reference>>,
}

impl Member {
    /// Whether it is a place where a tensor enters.
    pub fn is_input(&self) -> bool {
        self.calls.is_empty() && self.layer.class_name() == "InputLayer"
    }
}

/// Layer names and call counts, to resolve references while reading.
pub(super) struct Names<'a> {
    positions: IndexMap<&'a str, usize>,
    calls: Vec<usize>,
    /// Whether references to results of a nested model count from 1: in lists of outputs of Keras 3, everywhere in
    /// Keras 2.
    nested: Vec<Nested>,
}

#[derive(Clone, Copy, PartialEq)]
enum Nested {
    No,
    Functional,
    Sequential,
}

/// Which spelling a reference is in.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dialect {
    /// `__keras_tensor__` of Keras 3.
    Tensor,
    /// `[layer, node, tensor]` of Keras 3.
    List,
    /// `[layer, node, tensor]` of Keras 1 and 2.
    Legacy,
}

impl<'a> Names<'a> {
    pub fn new(layers: &'a [Tree]) -> Result<Self> {
        let mut names = Self { positions: IndexMap::new(), calls: Vec::new(), nested: Vec::new() };
        for (position, layer) in layers.iter().enumerate() {
            let name = layer.get("name").or_else(|| layer.get("config")?.get("name"));
            let name = name.and_then(Tree::as_str).ok_or_else(|| unexpected("a layer with a name", layer))?;
            if names.positions.insert(name, position).is_some() {
                return Err(Error::corrupt(format!("two layers are called `{name}`")));
            }
            names
                .calls
                .push(layer.get("inbound_nodes").and_then(Tree::as_list).map_or(0, <[Tree]>::len).max(1));
            names.nested.push(match layer.class_name() {
                Some("Sequential") => Nested::Sequential,
                _ if layer.path(&["config", "output_layers"]).is_some() => Nested::Functional,
                _ => Nested::No,
            });
        }
        Ok(names)
    }

    pub fn reference(&self, name: &str, node: usize, tensor: usize, dialect: Dialect) -> Result<Reference> {
        let member = *self.positions.get(name).ok_or_else(|| {
            Error::corrupt(format!("a call takes a result of layer `{name}`, which is not there"))
        })?;
        let counts_from_one = match self.nested[member] {
            Nested::No => false,
            Nested::Functional => dialect != Dialect::Tensor,
            Nested::Sequential => dialect == Dialect::Legacy,
        };
        let call = if counts_from_one { node.saturating_sub(1) } else { node };
        // A file of another era may count the other way.
        let call = if call >= self.calls[member] { self.calls[member] - 1 } else { call };
        Ok(Reference { member, call, tensor })
    }
}

/// Reads the calls of a layer.
pub(super) fn read_calls(nodes: &Tree, names: &Names) -> Result<Vec<Arguments<Reference>>> {
    let nodes = nodes.as_list().ok_or_else(|| unexpected("a list of calls", nodes))?;
    nodes
        .iter()
        .enumerate()
        .map(|(position, node)| read_call(node, names).at(|| format!("call {position}")))
        .collect()
}

fn read_call(node: &Tree, names: &Names) -> Result<Arguments<Reference>> {
    if let Some(inputs) = node.as_list() {
        return read_legacy_call(inputs, names);
    }
    let positional = node.require("args")?.as_list().ok_or_else(|| unexpected("a list", node))?;
    let empty = Object::new();
    let named = node.get("kwargs").and_then(Tree::as_object).unwrap_or(&empty);
    Ok(Arguments {
        positional: positional.iter().map(|tree| read_argument(tree, names)).collect::<Result<_>>()?,
        named: named
            .iter()
            .map(|(name, tree)| Ok((name.clone(), read_argument(tree, names).at(|| name.as_str())?)))
            .collect::<Result<_>>()?,
    })
}

/// `[["a", 0, 0, {}], ["b", 0, 0, {}]]`: all tensors are the first argument, as a list when there are several. A single
/// tensor may also stand without the outer list.
fn read_legacy_call(inputs: &[Tree], names: &Names) -> Result<Arguments<Reference>> {
    if matches!(inputs, [Tree::Text(_), ..]) {
        return read_legacy_call(&[Tree::List(inputs.to_vec())], names);
    }
    let mut tensors = Vec::new();
    let mut named = IndexMap::new();
    for input in inputs {
        tensors.push(Argument::Tensor(read_leaf(input, names, Dialect::Legacy)?));
        if let Some(Tree::Object(options)) = input.as_list().and_then(|items| items.get(3)) {
            for (name, value) in options {
                named.insert(name.clone(), read_legacy_option(value, names)?);
            }
        }
    }
    let first = match (tensors.len(), tensors.pop()) {
        (1, Some(only)) => only,
        (_, last) => Argument::List(tensors.into_iter().chain(last).collect()),
    };
    Ok(Arguments { positional: vec![first], named })
}

/// In options of Keras 2 a tensor is spelled as a bare `[layer, node, tensor]`.
fn read_legacy_option(tree: &Tree, names: &Names) -> Result<Argument<Reference>> {
    match tree {
        Tree::List(items) => match items.as_slice() {
            [Tree::Text(name), Tree::Int(_), Tree::Int(_)] if names.positions.contains_key(name.as_str()) => {
                read_leaf(tree, names, Dialect::Legacy).map(Argument::Tensor)
            }
            items => items
                .iter()
                .map(|item| read_legacy_option(item, names))
                .collect::<Result<_>>()
                .map(simplified_list),
        },
        _ => read_argument(tree, names),
    }
}

fn read_argument(tree: &Tree, names: &Names) -> Result<Argument<Reference>> {
    match tree {
        Tree::List(items) => {
            items.iter().map(|item| read_argument(item, names)).collect::<Result<_>>().map(simplified_list)
        }
        Tree::Object(entries) => match tree.class_name() {
            Some("__keras_tensor__") => {
                let history = tree.path(&["config", "keras_history"]);
                let history = history.ok_or_else(|| unexpected("a tensor with its history", tree))?;
                read_leaf(history, names, Dialect::Tensor).map(Argument::Tensor)
            }
            Some(_) if tree.get("config").is_some() => Ok(Argument::Plain(tree.clone())),
            _ => {
                let read = |(key, value): (&String, &Tree)| Ok((key.clone(), read_argument(value, names)?));
                Ok(Argument::Object(entries.iter().map(read).collect::<Result<_>>()?))
            }
        },
        _ => Ok(Argument::Plain(tree.clone())),
    }
}

/// A list without tensors is a plain value.
fn simplified_list(items: Vec<Argument<Reference>>) -> Argument<Reference> {
    let list = Argument::List(items);
    match list.plain() {
        Some(tree) => Argument::Plain(tree),
        None => list,
    }
}

fn read_leaf(tree: &Tree, names: &Names, dialect: Dialect) -> Result<Reference> {
    let registry = Registry::built_in();
    match tree.as_list() {
        Some([Tree::Text(name), node, tensor, ..]) => {
            names.reference(name, usize::read(node, registry)?, usize::read(tensor, registry)?, dialect)
        }
        _ => Err(unexpected("a layer name and two numbers", tree)),
    }
}

/// Reads `input_layers` or `output_layers`.
pub(super) fn read_structure(tree: &Tree, names: &Names, dialect: Dialect) -> Result<Argument<Reference>> {
    match tree {
        Tree::List(items) => match items.as_slice() {
            [Tree::Text(_), Tree::Int(_), Tree::Int(_)] => {
                read_leaf(tree, names, dialect).map(Argument::Tensor)
            }
            items => items
                .iter()
                .map(|item| read_structure(item, names, dialect))
                .collect::<Result<_>>()
                .map(Argument::List),
        },
        Tree::Object(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), read_structure(value, names, dialect)?)))
            .collect::<Result<_>>()
            .map(Argument::Object),
        _ => Err(unexpected("layers of inputs or outputs", tree)),
    }
}

/// The order in which the calls can run: a layer's calls in order, each after those whose results it takes.
pub(super) fn order(members: &[Member]) -> Result<Vec<(usize, usize)>> {
    let mut done: Vec<usize> = members.iter().map(|member| usize::from(member.is_input())).collect();
    let mut order = Vec::new();
    loop {
        let before = order.len();
        for (position, member) in members.iter().enumerate() {
            while let Some(call) = member.calls.get(done[position]) {
                let leaves = call.iter().flat_map(Argument::tensors);
                let is_ready = leaves
                    .into_iter()
                    .all(|leaf| done.get(leaf.member).is_some_and(|count| *count > leaf.call));
                if !is_ready {
                    break;
                }
                order.push((position, done[position]));
                done[position] += 1;
            }
        }
        if order.len() == before {
            break;
        }
    }
    let waiting =
        members.iter().zip(&done).find(|(member, done)| !member.is_input() && **done < member.calls.len());
    if let Some((member, _)) = waiting {
        return Err(Error::corrupt("the calls wait for each other in a circle").at(member.layer.place_text()));
    }
    Ok(order)
}
