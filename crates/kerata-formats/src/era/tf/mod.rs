//! TensorFlow ops inside functional models: `TFOpLambda`, `SlicingOpLambda`, `TensorFlowOpLayer` become Keras ops where
//! an equal one exists; the others stay as they are.

mod elementwise;
mod nn;
mod node_def;
mod ragged;
pub(in crate::era) mod ranked;
mod reductions;
mod shapes;
pub(in crate::era) mod sizes;

use kerata_core::{Object, Tree};

use super::{Work, merge};

/// Whether a layer is such an op.
pub(in crate::era) fn is_op(layer: &Tree) -> bool {
    merge::is_cosine(layer)
        || matches!(
            layer.class_name(),
            Some(
                "TFOpLambda"
                    | "SlicingOpLambda"
                    | "TensorFlowOpLayer"
                    | "ClassMethod"
                    | "InstanceProperty"
                    | "InstanceMethod"
            )
        )
}

/// Turns the ops of a graph with these ends into Keras ops. Gives the results of calls that now are those of another op.
pub(super) fn ops(layers: &mut Vec<Tree>, ends: &Tree, work: &mut Work) -> Vec<Moved> {
    let mut moved = Vec::new();
    if !layers.iter().any(is_op) {
        return moved;
    }
    for one in ragged::ops(layers, ends) {
        work.inside(&one.name, |work| work.note(one.what));
    }
    let mut out = Vec::with_capacity(layers.len());
    for layer in std::mem::take(layers) {
        if !is_op(&layer) {
            out.push(layer);
            continue;
        }
        match converted(&layer) {
            Some(Written { entries, results, what }) => {
                let name = layer.get("name").and_then(Tree::as_str).unwrap_or_default().to_owned();
                work.inside(&name, |work| work.note(what));
                let result = |(index, op)| Moved { name: name.clone(), index, op };
                moved.extend(results.into_iter().map(result));
                out.extend(entries);
            }
            None => out.push(layer),
        }
    }
    for layer in &mut out {
        if let Some(nodes) = layer.get_mut("inbound_nodes").filter(|_| !moved.is_empty()) {
            follow(nodes, &moved);
        }
    }
    *layers = out;
    moved
}

/// A result of a call that another op gives now, as its first.
pub(super) struct Moved {
    name: String,
    index: usize,
    op: String,
}

/// Makes tensors (in calls, and at the ends of a graph) come from the ops that give them now.
pub(super) fn follow(tree: &mut Tree, moved: &[Moved]) {
    match tree {
        Tree::List(items) => {
            if let [Tree::Text(name), Tree::Int(_), Tree::Int(index)] = items.as_mut_slice() {
                let is_it = |one: &&Moved| one.name == *name && usize::try_from(*index) == Ok(one.index);
                if let Some(one) = moved.iter().find(is_it) {
                    (*name, *index) = (one.op.clone(), 0);
                }
                return;
            }
            items.iter_mut().for_each(|item| follow(item, moved));
        }
        Tree::Object(entries) => entries.values_mut().for_each(|item| follow(item, moved)),
        _ => {}
    }
}

/// One call of a TensorFlow function.
pub(in crate::era) struct Call {
    args: Vec<Tree>,
    kwargs: Object,
}

impl Call {
    /// The call of a node.
    pub(in crate::era) fn of(node: &Tree) -> Option<Self> {
        let kwargs = node.get("kwargs")?.as_object()?.iter();
        let kwargs =
            kwargs.filter(|(key, _)| *key != "name").map(|(key, value)| (key.clone(), value.clone()));
        Some(Self { args: node.get("args")?.as_list()?.to_vec(), kwargs: kwargs.collect() })
    }

    /// The only positional argument.
    pub(in crate::era) fn positional(&self) -> Option<&Tree> {
        match self.args.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// All positional arguments.
    pub(super) fn positionals(&self) -> &[Tree] {
        &self.args
    }

    /// An argument by position or name.
    pub(super) fn get(&self, at: usize, name: &str) -> Option<&Tree> {
        self.args.get(at).or_else(|| self.kwargs.get(name))
    }

    /// An argument as the operand of an op: tensors and numbers as they are, lists of numbers as arrays.
    pub(super) fn operand(&self, at: usize, name: &str) -> Option<Tree> {
        self.get(at, name).map(|value| array(value, "float32"))
    }

    /// A keyword.
    pub(super) fn keyword(&self, name: &str) -> Option<&Tree> {
        self.kwargs.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.keyword(name).and_then(Tree::as_bool).unwrap_or(false)
    }
}

/// A Keras op or layer to be called.
pub(in crate::era) struct Op {
    module: &'static str,
    class: &'static str,
    config: Object,
    args: Vec<Tree>,
    kwargs: Object,
    /// The result of the old op that it gives, when that is not the first.
    result: Option<usize>,
}

/// The result of the op before this one of the same conversion; with a number behind, of that op.
const BEFORE: &str = "__before__";

impl Op {
    pub(in crate::era) fn new(module: &'static str, class: &'static str, args: Vec<Tree>) -> Self {
        Self { module, class, config: Object::new(), args, kwargs: Object::new(), result: None }
    }

    pub(in crate::era) fn numpy(class: &'static str, args: Vec<Tree>) -> Self {
        Self::new("keras.src.ops.numpy", class, args)
    }

    pub(in crate::era) fn with(mut self, key: &'static str, value: impl Into<Tree>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    pub(in crate::era) fn keyword(mut self, key: &str, value: impl Into<Tree>) -> Self {
        self.kwargs.insert(key.into(), value.into());
        self
    }

    /// Gives a result of the old op that is not the first.
    pub(in crate::era) fn giving(mut self, result: usize) -> Self {
        self.result = Some(result);
        self
    }

    /// Whether it gives a result that is not the first.
    pub(in crate::era) fn is_second(&self) -> bool {
        self.result.is_some()
    }

    /// With the entries of another config under these keys, as far as it has them.
    pub(in crate::era) fn taking(mut self, config: &Object, keys: &[&str]) -> Self {
        let found = keys.iter().filter_map(|key| Some(((*key).to_owned(), config.get(*key)?.clone())));
        self.config.extend(found);
        self
    }

    /// With all entries of another config.
    pub(in crate::era) fn config(mut self, config: Object) -> Self {
        self.config.extend(config);
        self
    }

    /// Stands for the result of the op before this one.
    pub(in crate::era) fn before() -> Tree {
        Tree::from(BEFORE)
    }

    /// Stands for the result of the op at this place of the conversion.
    pub(in crate::era) fn earlier(at: usize) -> Tree {
        Tree::from(format!("{BEFORE}{at}"))
    }

    /// The op as it stands in a graph, called once.
    pub(in crate::era) fn entry(self, name: &str, earlier: &[String]) -> Tree {
        let mut config = Object::new();
        config.insert("name".into(), name.into());
        config.extend(self.config);
        let args: Vec<Tree> = self.args.into_iter().map(|arg| resolved(arg, earlier)).collect();
        let kwargs = self.kwargs.into_iter().map(|(key, value)| (key, resolved(value, earlier))).collect();
        let node = Tree::from([("args", Tree::List(args)), ("kwargs", Tree::Object(kwargs))]);
        let is_layer = self.module == "keras.layers";
        Tree::from([
            ("module", Tree::from(self.module)),
            ("class_name", Tree::from(self.class)),
            ("config", Tree::Object(config)),
            ("registered_name", if is_layer { Tree::Null } else { self.class.into() }),
            ("name", Tree::from(name)),
            ("inbound_nodes", Tree::List(vec![node])),
        ])
    }
}

fn resolved(arg: Tree, earlier: &[String]) -> Tree {
    match arg {
        Tree::Text(mark) => match mark.strip_prefix(BEFORE) {
            Some("") => earlier.last().map(|name| tensor(name)).unwrap_or_default(),
            Some(at) => {
                let name = at.parse::<usize>().ok().and_then(|at| earlier.get(at));
                name.map(|name| tensor(name)).unwrap_or_default()
            }
            None => Tree::Text(mark),
        },
        Tree::List(items) => Tree::List(items.into_iter().map(|item| resolved(item, earlier)).collect()),
        other => other,
    }
}

/// The first result of the first call of a layer or op.
pub(in crate::era) fn tensor(name: &str) -> Tree {
    let history = vec![Tree::from(name), Tree::Int(0), Tree::Int(0)];
    let config = Tree::from([
        ("shape", Tree::List(Vec::new())),
        ("dtype", Tree::from("float32")),
        ("keras_history", Tree::List(history)),
    ]);
    Tree::from([("class_name", Tree::from("__keras_tensor__")), ("config", config)])
}

/// Another result of the call that a tensor comes from.
pub(in crate::era) fn result(tensor: &Tree, index: usize) -> Tree {
    let mut tensor = tensor.clone();
    let history = tensor.get_mut("config").and_then(|config| config.get_mut("keras_history"));
    if let Some(last) = history.and_then(Tree::as_list_mut).and_then(|items| items.last_mut()) {
        *last = Tree::from(index);
    }
    tensor
}

/// A list of numbers as an array; everything else as it is.
pub(super) fn array(value: &Tree, dtype: &str) -> Tree {
    fn is_numbers(value: &Tree) -> bool {
        match value {
            Tree::List(items) => items.iter().all(is_numbers),
            Tree::Int(_) | Tree::Float(_) | Tree::Bool(_) => true,
            _ => false,
        }
    }
    if value.as_list().is_some() && is_numbers(value) {
        let config = Tree::from([("value", value.clone()), ("dtype", Tree::from(dtype))]);
        return Tree::from([("class_name", Tree::from("__numpy__")), ("config", config)]);
    }
    value.clone()
}

/// Whether a tensor stands anywhere in a value.
pub(in crate::era) fn has_tensor(value: &Tree) -> bool {
    match value {
        Tree::List(items) => items.iter().any(has_tensor),
        Tree::Object(entries) => {
            let class = value.class_name();
            class == Some("__keras_tensor__")
                || class == Some(sizes::SIZE)
                || entries.values().any(has_tensor)
        }
        _ => false,
    }
}

type Convert = fn(&str, &Call) -> Option<Vec<Op>>;

/// Asked in this order.
const FAMILIES: &[Convert] = &[elementwise::convert, reductions::convert, shapes::convert, nn::convert];

/// What stands for a TensorFlow op.
struct Written {
    entries: Vec<Tree>,
    /// Results beside the first, with the op that gives them.
    results: Vec<(usize, String)>,
    /// What people are told.
    what: String,
}

/// The Keras ops of a TensorFlow op.
fn converted(layer: &Tree) -> Option<Written> {
    let name = layer.get("name").and_then(Tree::as_str)?;
    let nodes = layer.get("inbound_nodes").and_then(Tree::as_list)?;
    let [node] = nodes else { return None };
    let call = Call::of(node)?;
    let config = layer.get("config")?;
    let (function, ops) = match layer.class_name()? {
        "Merge" => ("cos".to_owned(), merge::cosine(config, &call)?),
        "TensorFlowOpLayer" => node_def::convert(config, &call)?,
        _ => {
            let function = config.get("function")?.as_str()?;
            (function.to_owned(), by_name(function, &call)?)
        }
    };
    let last = ops.len().checked_sub(1)?;
    let names: Vec<String> =
        (0..=last).map(|at| if at == last { name.to_owned() } else { format!("{name}_part{at}") }).collect();
    let classes: Vec<&str> = ops.iter().map(|op| op.class).collect();
    let what = format!("`{function}` is written as {}", classes.join(", "));
    let results = ops.iter().zip(&names).filter_map(|(op, name)| Some((op.result?, name.clone()))).collect();
    let entries = ops
        .into_iter()
        .zip(&names)
        .enumerate()
        .map(|(at, (op, name))| op.entry(name, names.get(..at).unwrap_or_default()));
    Some(Written { entries: entries.collect(), results, what })
}

/// The Keras ops of a TensorFlow function (`math.add`, `compat.v1.transpose`).
pub(in crate::era) fn by_name(function: &str, call: &Call) -> Option<Vec<Op>> {
    let function = function.strip_prefix("compat.v1.").unwrap_or(function);
    FAMILIES.iter().find_map(|family| family(function, call))
}
