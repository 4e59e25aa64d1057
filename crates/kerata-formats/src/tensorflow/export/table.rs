//! The table: name of a kerata op and how it is written, one line an op, sorted within its room.

use kerata_core::graph::{Graph, Node, TensorSpec};
use kerata_core::ops::Op;
use kerata_core::{Error, Result, Tree};

use super::writer::{FunctionWriter, Val};
use super::{arrays, control, elementwise, gradients, linalg, network, reduce, scatter, shapes, text};

/// One op that is being written.
pub struct Write<'a> {
    pub op: &'a dyn Op,
    pub inputs: &'a [Val],
    pub outputs: &'a [TensorSpec],
}

/// How an op is written: names of its outputs.
pub type Lowering = fn(&mut FunctionWriter<'_>, &Write<'_>) -> Result<Vec<String>>;

const ROOMS: &[&[(&str, Lowering)]] = &[
    elementwise::OPS,
    reduce::OPS,
    shapes::OPS,
    arrays::OPS,
    network::OPS,
    control::OPS,
    gradients::OPS,
    linalg::OPS,
    scatter::OPS,
    text::OPS,
];

/// How an op of this name is written.
pub fn lowering(name: &str) -> Option<Lowering> {
    ROOMS.iter().flat_map(|room| room.iter()).find(|entry| entry.0 == name).map(|entry| entry.1)
}

/// Writes a node.
pub fn write(
    function: &mut FunctionWriter<'_>,
    node: &Node,
    op: &dyn Op,
    inputs: &[Val],
) -> Result<Vec<Val>> {
    let lowering = lowering(op.name()).ok_or_else(|| {
        Error::unsupported(format!("op `{}` has no form in TensorFlow", op.name())).at(node.name.clone())
    })?;
    let write = Write { op, inputs, outputs: &node.outputs };
    let names = lowering(function, &write)
        .map_err(|error| error.at(format!("op `{}` ({})", op.name(), node.name)))?;
    Ok(names.into_iter().zip(&node.outputs).map(|(name, spec)| Val { name, spec: spec.clone() }).collect())
}

/// The graph with ops that have no line here taken apart into those that have.
pub fn decomposed(graph: &Graph) -> Result<Graph> {
    use kerata_core::graph::Step;
    graph.rewrite(|rewriter, node| match node.op() {
        Some(op) if lowering(op.name()).is_none() => match op.decompose(&rewriter.inputs(node)?)? {
            Some(tensors) => Ok(Step::Replace(tensors)),
            None => Ok(Step::Keep),
        },
        _ => Ok(Step::Keep),
    })
}

impl Write<'_> {
    /// An input.
    pub fn input(&self, at: usize) -> Result<&Val> {
        self.inputs
            .get(at)
            .ok_or_else(|| Error::internal(format!("op `{}` has no input {at}", self.op.name())))
    }

    /// The name of an input.
    pub fn name(&self, at: usize) -> Result<String> {
        self.input(at).map(|input| input.name.clone())
    }

    /// What is known of the first output.
    pub fn output(&self) -> Result<&TensorSpec> {
        self.outputs.first().ok_or_else(|| Error::internal("an op without outputs"))
    }

    /// The op as its own type.
    pub fn op<T: 'static>(&self) -> Result<&T> {
        self.op.as_any().downcast_ref().ok_or_else(|| Error::internal("an op of another type"))
    }

    /// An attribute that is a list of whole numbers.
    pub fn numbers(&self, name: &str) -> Result<Vec<i64>> {
        let attributes = self.op.attributes();
        let list = attributes.get(name).and_then(Tree::as_list);
        let numbers = list.and_then(|list| list.iter().map(Tree::as_i64).collect());
        numbers.ok_or_else(|| Error::internal(format!("attribute `{name}` of `{}`", self.op.name())))
    }

    /// An attribute that is a whole number.
    pub fn number(&self, name: &str) -> Result<i64> {
        let number = self.op.attributes().get(name).and_then(Tree::as_i64);
        number.ok_or_else(|| Error::internal(format!("attribute `{name}` of `{}`", self.op.name())))
    }

    /// An attribute that is true or false.
    pub fn flag(&self, name: &str) -> bool {
        self.op.attributes().get(name).and_then(Tree::as_bool).unwrap_or(false)
    }
}
