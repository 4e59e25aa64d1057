//! `Graph`: a traced computation, a list of nodes in an order in which they can run.
//!
//! A graph is immutable once built. Its values are the outputs of its nodes. Why it looks so:
//! `docs/design/graph-and-ops.md`.

mod builder;
mod display;
mod evaluate;
mod rewrite;
mod sizes;
mod spec;
mod tensor;
mod tree;

use std::sync::Arc;

pub use builder::{GraphBuilder, ScopeGuard};
pub use rewrite::{Rewriter, Step};
pub use sizes::{Known, specs_for};
pub use spec::{Inputs, TensorSpec};
pub use tensor::Tensor;
pub use tree::TracedConstants;

use crate::array::Array;
use crate::ops::Op;
use crate::{Error, Result};

/// One output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId {
    /// Position of the node in [`Graph::nodes`].
    pub node: usize,
    /// Which of its outputs.
    pub output: usize,
}

/// What a node is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeKind {
    /// A value handed in when the graph is run.
    Input {
        /// Its name.
        name: String,
    },
    /// A variable of the model, read at the start of a run.
    Variable {
        /// Its path in the artifact.
        path: String,
        /// Whether training changes it.
        trainable: bool,
    },
    /// A fixed value.
    Constant(Array),
    /// An op applied to the node's inputs.
    Op(Arc<dyn Op>),
}

/// One step of a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Values of earlier nodes.
    pub inputs: Vec<ValueId>,
    /// What it gives.
    pub outputs: Vec<TensorSpec>,
    /// Where it came from: name scopes joined by `/`; not unique.
    pub name: String,
}

impl Node {
    /// The op of an op node.
    pub fn op(&self) -> Option<&dyn Op> {
        match &self.kind {
            NodeKind::Op(op) => Some(&**op),
            _ => None,
        }
    }

    /// The value of a constant.
    pub fn constant(&self) -> Option<&Array> {
        match &self.kind {
            NodeKind::Constant(array) => Some(array),
            _ => None,
        }
    }
}

/// A traced computation.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Its name.
    pub name: String,
    /// Nodes; each uses values of nodes before it only.
    pub nodes: Vec<Node>,
    /// Values handed in, in order.
    pub inputs: Vec<ValueId>,
    /// Named results, in order.
    pub outputs: Vec<(String, ValueId)>,
    /// Variables by path that get a new value after a run.
    pub updates: Vec<(String, ValueId)>,
}

impl Graph {
    /// The node that makes a value.
    pub fn node(&self, value: ValueId) -> Result<&Node> {
        self.nodes.get(value.node).ok_or_else(|| Error::internal(format!("no node {}", value.node)))
    }

    /// What is known of a value.
    pub fn spec(&self, value: ValueId) -> Result<&TensorSpec> {
        self.node(value)?
            .outputs
            .get(value.output)
            .ok_or_else(|| Error::internal(format!("node {} has no output {}", value.node, value.output)))
    }

    /// Specs of the inputs, in order.
    pub fn input_specs(&self) -> Result<Vec<TensorSpec>> {
        self.inputs.iter().map(|&value| self.spec(value).cloned()).collect()
    }

    /// Specs of the outputs, in order.
    pub fn output_specs(&self) -> Result<Vec<TensorSpec>> {
        self.outputs.iter().map(|(_, value)| self.spec(*value).cloned()).collect()
    }

    /// Specs of the outputs for inputs of these specs, which may say more than the graph knows of its inputs.
    pub fn output_specs_for(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let is_known = |spec: &TensorSpec| spec.shape.elements().is_some();
        let own = self.output_specs()?;
        if own.iter().all(is_known) {
            return Ok(own);
        }
        let given = self.inputs.iter().map(|id| id.node).zip(inputs.iter().cloned()).collect::<Vec<_>>();
        let nodes = self.nodes.iter().map(|node| Known {
            op: node.op(),
            inputs: &node.inputs,
            outputs: &node.outputs,
        });
        let specs = specs_for(nodes, &given);
        let outputs = self.outputs.iter().map(|(_, id)| specs.get(id.node)?.get(id.output).cloned());
        let outputs = outputs.collect::<Option<Vec<_>>>();
        outputs.ok_or_else(|| Error::internal("an output that no node makes"))
    }

    /// Names of the inputs, in order.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs
            .iter()
            .map(|value| match self.nodes.get(value.node).map(|node| &node.kind) {
                Some(NodeKind::Input { name }) => name.as_str(),
                _ => "",
            })
            .collect()
    }

    /// Path, spec and trainability of every variable that is read, in the order of their first use.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &TensorSpec, bool)> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Variable { path, trainable } => {
                Some((path.as_str(), node.outputs.first()?, *trainable))
            }
            _ => None,
        })
    }

    /// Values that leave the graph: outputs, then updates.
    pub fn results(&self) -> impl Iterator<Item = ValueId> + '_ {
        self.outputs.iter().chain(&self.updates).map(|(_, value)| *value)
    }
}
