//! Graphs as config trees, so that traces are saved in files; read back as checked, hostile input.
//!
//! The form is described in `docs/formats/trace.md`.

use super::{Graph, Node, NodeKind, TensorSpec, ValueId};
use crate::array::Array;
use crate::ops::{Attribute, read_op};
use crate::{DType, Data, Error, Limits, Object, Result, ResultExt, Shape, Tree};

/// Version of the tree form.
const VERSION: i64 = 1;

/// Constants of at most this many bytes are written in the tree, larger ones beside it.
const MAX_INLINE_BYTES: u64 = 1024;

/// Constants that are stored beside the tree, by position.
pub type TracedConstants = Vec<Array>;

impl Graph {
    /// The graph as a tree, and the large constants that the tree refers to by position.
    pub fn to_tree(&self) -> (Tree, TracedConstants) {
        let mut constants = Vec::new();
        let tree = self.write_tree(&mut |array| {
            if array.to_data().len() <= MAX_INLINE_BYTES {
                return inline_constant(array);
            }
            constants.push(array.clone());
            Tree::from([("constant", Tree::from(constants.len() - 1))])
        });
        (tree, constants)
    }

    /// The graph of a tree. Everything that the tree claims is checked: references, op attributes, dtypes and shapes.
    pub fn from_tree(tree: &Tree, constants: &[Array], limits: &Limits) -> Result<Self> {
        let mut sizes = Sizes { limits, nodes: 0 };
        sizes.graph(tree, constants)
    }

    fn write_tree(&self, constant: &mut dyn FnMut(&Array) -> Tree) -> Tree {
        let nodes = self.nodes.iter().map(|node| write_node(node, constant)).collect();
        let named = |entries: &[(String, ValueId)]| {
            let list =
                entries.iter().map(|(name, id)| Tree::List(vec![name.as_str().into(), value_tree(*id)]));
            Tree::List(list.collect())
        };
        Tree::from([
            ("version", Tree::from(VERSION)),
            ("name", self.name.as_str().into()),
            ("nodes", Tree::List(nodes)),
            ("inputs", Tree::List(self.inputs.iter().map(|&id| value_tree(id)).collect())),
            ("outputs", named(&self.outputs)),
            ("updates", named(&self.updates)),
        ])
    }
}

/// Graphs are attributes of loops and branches; their constants are small, since large ones are captured.
impl Attribute for Graph {
    fn to_tree(&self) -> Tree {
        self.write_tree(&mut inline_constant)
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        Self::from_tree(tree, &[], &Limits::default())
    }
}

fn write_node(node: &Node, constant: &mut dyn FnMut(&Array) -> Tree) -> Tree {
    let mut entries = Object::new();
    let mut put = |key: &str, value: Tree| entries.insert(key.to_owned(), value);
    match &node.kind {
        NodeKind::Input { name } => {
            put("input", name.as_str().into());
        }
        NodeKind::Variable { path, trainable } => {
            put("variable", path.as_str().into());
            put("trainable", (*trainable).into());
        }
        NodeKind::Constant(array) => {
            put("value", constant(array));
        }
        NodeKind::Op(op) => {
            put("op", op.name().into());
            let attributes = op.attributes();
            if attributes.as_object().is_some_and(|entries| !entries.is_empty()) {
                put("attributes", attributes);
            }
            put("inputs", Tree::List(node.inputs.iter().map(|&id| value_tree(id)).collect()));
        }
    }
    put("outputs", Tree::List(node.outputs.iter().map(Attribute::to_tree).collect()));
    put("name", node.name.as_str().into());
    Tree::Object(entries)
}

fn value_tree(id: ValueId) -> Tree {
    Tree::List(vec![id.node.into(), id.output.into()])
}

fn inline_constant(array: &Array) -> Tree {
    let data = array.to_data();
    let stored = match data.as_strings() {
        Some(strings) => Tree::List(strings.iter().map(|text| hex(text).into()).collect()),
        None => hex(data.as_slice().unwrap_or(&[])).into(),
    };
    Tree::from([
        ("dtype", Tree::from(array.dtype().name())),
        ("shape", Tree::from(array.shape().to_vec())),
        ("bytes", stored),
    ])
}

/// Reading under limits.
struct Sizes<'a> {
    limits: &'a Limits,
    nodes: usize,
}

impl Sizes<'_> {
    fn graph(&mut self, tree: &Tree, constants: &[Array]) -> Result<Graph> {
        let version = tree.require("version")?.as_i64();
        if version != Some(VERSION) {
            return Err(Error::unsupported(format!("trace version {version:?}, this build reads {VERSION}")));
        }
        let mut graph = Graph { name: text(tree.require("name")?)?.to_owned(), ..Graph::default() };
        for (index, entry) in list(tree.require("nodes")?)?.iter().enumerate() {
            self.nodes += 1;
            if self.nodes > self.limits.max_layers {
                return Err(Error::limit(format!("more than {} nodes", self.limits.max_layers)));
            }
            let node = self.node(&graph, entry, constants).at(|| format!("node {index}"))?;
            graph.nodes.push(node);
        }
        for entry in list(tree.require("inputs")?)? {
            let id = read_value(&graph, entry)?;
            if !matches!(graph.node(id)?.kind, NodeKind::Input { .. }) || graph.inputs.contains(&id) {
                return Err(Error::corrupt(format!("node {} is no input, or listed twice", id.node)));
            }
            graph.inputs.push(id);
        }
        let inputs = graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Input { .. })).count();
        if inputs != graph.inputs.len() {
            return Err(Error::corrupt(format!("{inputs} input nodes, {} are listed", graph.inputs.len())));
        }
        graph.outputs = read_named(&graph, tree.require("outputs")?)?;
        graph.updates = read_named(&graph, tree.require("updates")?)?;
        Ok(graph)
    }

    fn node(&self, graph: &Graph, tree: &Tree, constants: &[Array]) -> Result<Node> {
        let outputs = list(tree.require("outputs")?)?
            .iter()
            .map(|entry| self.spec(entry))
            .collect::<Result<Vec<TensorSpec>>>()?;
        let mut node = Node {
            kind: NodeKind::Input { name: String::new() },
            inputs: vec![],
            outputs,
            name: text(tree.require("name")?)?.to_owned(),
        };
        let inferred = if let Some(name) = tree.get("op") {
            node.inputs = list(tree.require("inputs")?)?
                .iter()
                .map(|entry| read_value(graph, entry))
                .collect::<Result<_>>()?;
            let specs =
                node.inputs.iter().map(|&id| graph.spec(id).cloned()).collect::<Result<Vec<TensorSpec>>>()?;
            let op = read_op(text(name)?, tree.get("attributes").unwrap_or(&Tree::Object(Object::new())))?;
            let inferred = op.spec(&specs).at(|| format!("op `{}`", op.name()))?;
            node.kind = NodeKind::Op(op);
            inferred
        } else if let Some(value) = tree.get("value") {
            let array = match value.get("constant") {
                Some(position) => position
                    .as_u64()
                    .and_then(|position| constants.get(usize::try_from(position).ok()?))
                    .cloned()
                    .ok_or_else(|| Error::corrupt("a constant that is not stored"))?,
                None => read_inline_constant(value)?,
            };
            let spec = array.spec();
            node.kind = NodeKind::Constant(array);
            vec![spec]
        } else if let Some(path) = tree.get("variable") {
            let trainable = tree.get("trainable").and_then(Tree::as_bool).unwrap_or(false);
            node.kind = NodeKind::Variable { path: text(path)?.to_owned(), trainable };
            vec![self.spec(only(&node.outputs, tree)?)?]
        } else {
            node.kind = NodeKind::Input { name: text(tree.require("input")?)?.to_owned() };
            vec![self.spec(only(&node.outputs, tree)?)?]
        };
        if inferred != node.outputs {
            return Err(Error::corrupt(format!("says it gives {:?}, it gives {inferred:?}", node.outputs)));
        }
        Ok(node)
    }

    fn spec(&self, tree: &Tree) -> Result<TensorSpec> {
        let spec = <TensorSpec as Attribute>::from_tree(tree)?;
        let fits = spec.shape.axes().iter().flatten().all(|&size| size <= self.limits.max_dimension);
        if spec.rank() > self.limits.max_rank || !fits {
            return Err(Error::limit(format!("shape {}", spec.shape)));
        }
        Ok(spec)
    }
}

/// The tree of the only output of an input or variable.
fn only<'a>(outputs: &[TensorSpec], tree: &'a Tree) -> Result<&'a Tree> {
    match (outputs.len(), list(tree.require("outputs")?)?) {
        (1, [entry]) => Ok(entry),
        (count, _) => Err(Error::corrupt(format!("expected 1 output, found {count}"))),
    }
}

fn read_value(graph: &Graph, tree: &Tree) -> Result<ValueId> {
    let [node, output] = list(tree)? else { return Err(Error::corrupt("a value is a pair of numbers")) };
    let index = |tree: &Tree| {
        tree.as_u64()
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| Error::corrupt("a bad value number"))
    };
    let id = ValueId { node: index(node)?, output: index(output)? };
    let known = graph.nodes.get(id.node).is_some_and(|node| id.output < node.outputs.len());
    if !known {
        return Err(Error::corrupt(format!("value {}.{} is not made before its use", id.node, id.output)));
    }
    Ok(id)
}

fn read_named(graph: &Graph, tree: &Tree) -> Result<Vec<(String, ValueId)>> {
    list(tree)?
        .iter()
        .map(|entry| match list(entry)? {
            [name, value] => Ok((text(name)?.to_owned(), read_value(graph, value)?)),
            _ => Err(Error::corrupt("an output is a pair of name and value")),
        })
        .collect()
}

fn read_inline_constant(tree: &Tree) -> Result<Array> {
    let dtype: DType = text(tree.require("dtype")?)?.parse()?;
    let shape = Vec::<usize>::from_tree(tree.require("shape")?)?;
    let data = match tree.require("bytes")? {
        Tree::List(items) => {
            Data::strings(items.iter().map(|item| unhex(text(item)?)).collect::<Result<_>>()?)
        }
        other => Data::owned(unhex(text(other)?)?),
    };
    Array::from_data(shape, dtype, &data)
}

fn list(tree: &Tree) -> Result<&[Tree]> {
    tree.as_list().ok_or_else(|| Error::corrupt("expected a list in the trace"))
}

fn text(tree: &Tree) -> Result<&str> {
    tree.as_str().ok_or_else(|| Error::corrupt("expected text in the trace"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits = text
        .chars()
        .map(|c| c.to_digit(16))
        .collect::<Option<Vec<u32>>>()
        .filter(|digits| digits.len() % 2 == 0)
        .ok_or_else(|| Error::corrupt("bad hexadecimal digits in a constant"))?;
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// `["float32", [null, 3]]`.
impl Attribute for TensorSpec {
    fn to_tree(&self) -> Tree {
        Tree::List(vec![self.dtype.name().into(), self.shape.axes().to_vec().into()])
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        let [dtype, axes] = list(tree)? else {
            return Err(Error::corrupt("a spec is a pair of dtype and shape"));
        };
        let axes = list(axes)?
            .iter()
            .map(|axis| match axis {
                Tree::Null => Ok(None),
                size => size.as_u64().map(Some).ok_or_else(|| Error::corrupt("a bad axis size")),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { dtype: text(dtype)?.parse()?, shape: Shape::new(axes) })
    }
}
