//! Graphs of functional models: calls in list form, indices of nested models, names, ops.

use std::collections::HashMap;

use kerata_core::{Object, Tree};

use super::{Era, Work, objects, order, tf};

/// Layers that take their initial states in a list behind the input.
const RECURRENT: &[&str] =
    &["Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"];

/// The layers of a graph and how they are called.
pub(super) fn layers(config: &mut Object, work: &mut Work) {
    let ends = config.get("output_layers").cloned().unwrap_or_default();
    let Some(layers) = config.get_mut("layers").and_then(Tree::as_list_mut) else { return };
    let names = Names::of(layers);
    for layer in layers.iter_mut() {
        names.rename(layer, work);
        if !tf::is_op(layer) {
            objects::layer(layer, work);
        }
        if let Some(nodes) = layer.get_mut("inbound_nodes").and_then(Tree::as_list_mut) {
            let converted: Vec<Tree> = nodes.iter().map(|node| call(node, &names)).collect();
            if converted != *nodes {
                *nodes = converted;
            }
        }
        initial_states(layer);
    }
    let moved = tf::ops(layers, &ends, work);
    if work.era < Era::Keras3 {
        for key in ["input_layers", "output_layers"] {
            if let Some(ends) = config.get_mut(key) {
                *ends = names.ends(ends);
                tf::follow(ends, &moved);
            }
        }
        order::by_depth(config);
    }
}

/// Names of the layers of one graph, and what is known of them.
struct Names {
    layers: HashMap<String, Known>,
}

struct Known {
    /// The name that Keras 3 allows.
    name: String,
    /// Number that counts the first call of a nested model in list-form nodes.
    first_call: i128,
    /// Whether entries of `output_layers` count from one.
    is_functional: bool,
    shape: Option<Tree>,
    dtype: Option<Tree>,
}

impl Names {
    fn of(layers: &[Tree]) -> Self {
        let mut known: HashMap<String, Known> = HashMap::new();
        let mut taken: HashMap<String, usize> = HashMap::new();
        for layer in layers {
            let Some(old) = name_of(layer) else { continue };
            let mut name = old.replace('/', "_");
            if name != old {
                while layers.iter().any(|other| name_of(other) == Some(&name)) || taken.contains_key(&name) {
                    name.push('_');
                }
            }
            taken.insert(name.clone(), 0);
            let config = layer.get("config");
            let is_input = layer.class_name() == Some("InputLayer");
            let shape = config.and_then(|c| c.get("batch_shape").or_else(|| c.get("batch_input_shape")));
            let is_model =
                config.is_some_and(|config| config.get("layers").is_some() || config.as_list().is_some());
            known.insert(
                old.to_owned(),
                Known {
                    name,
                    first_call: i128::from(is_model),
                    is_functional: is_model && config.is_some_and(|c| c.get("input_layers").is_some()),
                    shape: shape.filter(|_| is_input).cloned(),
                    dtype: config.and_then(|c| c.get("dtype")).filter(|_| is_input).cloned(),
                },
            );
        }
        // Some versions count the calls of a nested model from zero: then a zero is met somewhere.
        for layer in layers {
            for node in layer.get("inbound_nodes").and_then(Tree::as_list).unwrap_or_default() {
                leaves(node, &mut |name, index| {
                    if index == 0
                        && let Some(known) = known.get_mut(name)
                    {
                        known.first_call = 0;
                    }
                });
            }
        }
        Self { layers: known }
    }

    /// Gives a layer a name without a slash, which Keras 3 refuses.
    fn rename(&self, layer: &mut Tree, work: &mut Work) -> Option<()> {
        let old = name_of(layer)?.to_owned();
        let new = &self.layers.get(&old)?.name;
        if *new == old {
            return None;
        }
        let text = || Tree::from(new.clone());
        if let Some(entries) = layer.as_object_mut()
            && entries.contains_key("name")
        {
            entries.insert("name".into(), text());
        }
        if let Some(config) = layer.get_mut("config").and_then(Tree::as_object_mut)
            && config.contains_key("name")
        {
            config.insert("name".into(), text());
        }
        work.inside(&old, |work| work.note(format!("the name is `{new}`: Keras 3 allows no slash")));
        Some(())
    }

    /// A tensor as Keras 3 writes it into calls.
    fn tensor(&self, name: &str, node: i128, index: i128) -> Option<Tree> {
        let known = self.layers.get(name)?;
        // Shapes follow from the graph; only those of inputs are known here, and Keras does not look at them.
        let shape = known.shape.clone().unwrap_or_else(|| Tree::List(Vec::new()));
        let dtype = known.dtype.clone().filter(|dtype| dtype.as_str().is_some());
        let history =
            vec![Tree::from(known.name.clone()), Tree::Int(node - known.first_call), Tree::Int(index)];
        let config = Tree::from([
            ("shape", shape),
            ("dtype", dtype.unwrap_or_else(|| "float32".into())),
            ("keras_history", Tree::List(history)),
        ]);
        Some(Tree::from([("class_name", Tree::from("__keras_tensor__")), ("config", config)]))
    }

    /// Inputs or outputs of the model; a list of one is the tensor alone, as older Keras meant it.
    fn ends(&self, ends: &Tree) -> Tree {
        if let Some((name, node, index)) = leaf(ends) {
            let Some(known) = self.layers.get(name) else { return ends.clone() };
            let node = node - known.first_call + i128::from(known.is_functional);
            return Tree::List(vec![known.name.clone().into(), Tree::Int(node), Tree::Int(index)]);
        }
        match ends {
            Tree::List(items) => match items.as_slice() {
                [only] if leaf(only).is_some() => self.ends(only),
                items => Tree::List(items.iter().map(|item| self.ends(item)).collect()),
            },
            Tree::Object(entries) => {
                Tree::Object(entries.iter().map(|(key, item)| (key.clone(), self.ends(item))).collect())
            }
            other => other.clone(),
        }
    }
}

fn name_of(layer: &Tree) -> Option<&str> {
    layer.get("name").or_else(|| layer.path(&["config", "name"])).and_then(Tree::as_str)
}

/// `[layer, node, tensor]`, perhaps with a dictionary of arguments behind it.
fn leaf(tree: &Tree) -> Option<(&str, i128, i128)> {
    let items = tree.as_list()?;
    if !(3..=4).contains(&items.len()) || items.get(3).is_some_and(|kwargs| kwargs.as_object().is_none()) {
        return None;
    }
    match items {
        [Tree::Text(name), Tree::Int(node), Tree::Int(index), ..] => Some((name, *node, *index)),
        _ => None,
    }
}

const CONSTANT: &str = "_CONSTANT_VALUE";

/// A constant in the place of a tensor: `["_CONSTANT_VALUE", -1, 2.0, {}]`.
fn constant(tree: &Tree) -> Option<&Tree> {
    match tree.as_list()? {
        [Tree::Text(mark), Tree::Int(-1), value, ..] if mark == CONSTANT => Some(value),
        _ => None,
    }
}

/// Visits every tensor of a list-form node.
fn leaves(tree: &Tree, visit: &mut dyn FnMut(&str, i128)) {
    if let Some((name, node, _)) = leaf(tree) {
        visit(name, node);
        if let Some(kwargs) = tree.as_list().and_then(|items| items.get(3)) {
            leaves(kwargs, visit);
        }
        return;
    }
    match tree {
        Tree::List(items) => items.iter().for_each(|item| leaves(item, visit)),
        Tree::Object(entries) => entries.values().for_each(|item| leaves(item, visit)),
        _ => {}
    }
}

/// One call in the Keras 3 form: positional arguments and keyword arguments.
fn call(node: &Tree, names: &Names) -> Tree {
    if node.as_object().is_some_and(|entries| entries.contains_key("args")) {
        return node.clone();
    }
    let mut kwargs = Object::new();
    let argument = argument(node, names, &mut kwargs);
    let argument = match argument {
        Tree::List(mut items) if items.len() == 1 => items.remove(0),
        other => other,
    };
    Tree::from([("args", Tree::List(vec![argument])), ("kwargs", Tree::Object(kwargs))])
}

/// The structure of tensors that a call gets; keyword arguments stand behind a tensor.
fn argument(tree: &Tree, names: &Names, kwargs: &mut Object) -> Tree {
    let take = |tree: &Tree, kwargs: &mut Object| {
        let entries = tree.as_list().and_then(|items| items.get(3)).and_then(Tree::as_object);
        for (key, value) in entries.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            kwargs.insert(key.clone(), keyword(value, names));
        }
    };
    if let Some(value) = constant(tree) {
        take(tree, kwargs);
        return value.clone();
    }
    if let Some((name, node, index)) = leaf(tree)
        && let Some(tensor) = names.tensor(name, node, index)
    {
        take(tree, kwargs);
        return tensor;
    }
    match tree {
        Tree::List(items) => Tree::List(items.iter().map(|item| argument(item, names, kwargs)).collect()),
        Tree::Object(entries) => {
            let entries = entries.iter().map(|(key, item)| (key.clone(), argument(item, names, kwargs)));
            Tree::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// A keyword argument: tensors may stand anywhere in it.
fn keyword(tree: &Tree, names: &Names) -> Tree {
    if let Some((name, node, index)) = leaf(tree).filter(|_| tree.as_list().is_some_and(|l| l.len() == 3))
        && let Some(tensor) = names.tensor(name, node, index)
    {
        return tensor;
    }
    match tree {
        Tree::List(items) => Tree::List(items.iter().map(|item| keyword(item, names)).collect()),
        Tree::Object(entries) => {
            Tree::Object(entries.iter().map(|(key, item)| (key.clone(), keyword(item, names))).collect())
        }
        other => other.clone(),
    }
}

/// Recurrent layers called on `[x, state, ...]` get the states by keyword in Keras 3.
fn initial_states(layer: &mut Tree) {
    if !layer.class_name().is_some_and(|class| RECURRENT.contains(&class)) {
        return;
    }
    for node in layer.get_mut("inbound_nodes").and_then(Tree::as_list_mut).into_iter().flatten() {
        let Some(args) = node.get_mut("args").and_then(Tree::as_list_mut) else { continue };
        let states = match args.first_mut() {
            Some(Tree::List(items)) if items.len() > 1 => items.split_off(1),
            _ => continue,
        };
        if let Some(Tree::List(items)) = args.first_mut() {
            let input = items.remove(0);
            *args = vec![input];
        }
        if let Some(kwargs) = node.get_mut("kwargs").and_then(Tree::as_object_mut) {
            kwargs.insert("initial_state".into(), Tree::List(states));
        }
    }
}
