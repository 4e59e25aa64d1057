//! Rewriting graphs: mapping nodes, leaving out dead ones, folding constants.

use super::{Graph, GraphBuilder, Node, NodeKind, Tensor, ValueId};
use crate::{Error, Result};

/// What becomes of one node.
pub enum Step {
    /// It is kept, with its inputs mapped.
    Keep,
    /// Its outputs are replaced.
    Replace(Vec<Tensor>),
}

/// Rebuilds a graph node by node; see [`Graph::rewrite`].
pub struct Rewriter<'a> {
    /// The graph that is read.
    pub graph: &'a Graph,
    /// The graph that is written.
    pub builder: GraphBuilder,
    values: Vec<Vec<Tensor>>,
}

impl Rewriter<'_> {
    /// The new tensor for a value of the old graph that has been passed already.
    pub fn value(&self, id: ValueId) -> Result<Tensor> {
        self.values
            .get(id.node)
            .and_then(|outputs| outputs.get(id.output))
            .cloned()
            .ok_or_else(|| Error::internal(format!("value {}.{} is not made yet", id.node, id.output)))
    }

    /// The new tensors for the inputs of an old node.
    pub fn inputs(&self, node: &Node) -> Result<Vec<Tensor>> {
        node.inputs.iter().map(|&id| self.value(id)).collect()
    }
}

impl Graph {
    /// A new graph in which `step` has decided about every op node, in order. Inputs, outputs and updates stay.
    pub fn rewrite(&self, mut step: impl FnMut(&Rewriter<'_>, &Node) -> Result<Step>) -> Result<Self> {
        let builder = GraphBuilder::new(self.name.clone());
        let mut rewriter = Rewriter { graph: self, builder: builder.clone(), values: Vec::new() };
        // Inputs come first, in their order, so that the new graph takes them in the same order.
        let mut inputs = Vec::new();
        for (&id, name) in self.inputs.iter().zip(self.input_names()) {
            inputs.push((id, builder.input(name, self.spec(id)?.clone())));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let made = match &node.kind {
                NodeKind::Input { .. } => inputs
                    .iter()
                    .filter(|(id, _)| id.node == index)
                    .map(|(_, tensor)| tensor.clone())
                    .collect(),
                NodeKind::Variable { path, trainable } => {
                    let spec =
                        node.outputs.first().ok_or_else(|| Error::internal("variable without spec"))?;
                    vec![builder.variable(path, spec.clone(), *trainable)?]
                }
                NodeKind::Constant(array) => vec![builder.constant(array.clone())],
                NodeKind::Op(op) => {
                    // What stands for a node is named where the node was.
                    let scope = node.name.rsplit_once('/').map_or("", |(scope, _)| scope);
                    let _guard = (!scope.is_empty()).then(|| builder.scope(scope));
                    match step(&rewriter, node)? {
                        Step::Replace(tensors) => tensors,
                        Step::Keep => builder.add_arc(op.clone(), &rewriter.inputs(node)?)?,
                    }
                }
            };
            if made.len() != node.outputs.len() {
                return Err(Error::internal(format!("node {index} was replaced by {} values", made.len())));
            }
            rewriter.values.push(made);
        }
        for (path, id) in &self.updates {
            builder.update(path, &rewriter.value(*id)?)?;
        }
        let outputs = self
            .outputs
            .iter()
            .map(|(name, id)| Ok((name, rewriter.value(*id)?)))
            .collect::<Result<Vec<_>>>()?;
        builder.end(&outputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect::<Vec<_>>())
    }

    /// The graph without nodes that no output and no update needs; inputs stay.
    pub fn without_dead_nodes(mut self) -> Self {
        let mut live = vec![false; self.nodes.len()];
        for id in self.results().chain(self.inputs.iter().copied()) {
            live[id.node] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if live[index] {
                for id in &self.nodes[index].inputs {
                    live[id.node] = true;
                }
            }
        }
        if live.iter().all(|&live| live) {
            return self;
        }
        let mut places = vec![0; self.nodes.len()];
        let mut count = 0;
        for (place, &live) in places.iter_mut().zip(&live) {
            *place = count;
            count += usize::from(live);
        }
        let mut index = 0;
        self.nodes.retain(|_| {
            index += 1;
            live[index - 1]
        });
        let moved = |id: &mut ValueId| id.node = places[id.node];
        self.nodes.iter_mut().flat_map(|node| &mut node.inputs).for_each(moved);
        self.inputs.iter_mut().for_each(moved);
        self.outputs.iter_mut().chain(&mut self.updates).for_each(|(_, id)| moved(id));
        self
    }

    /// The graph with pure nodes on constants replaced by their values, where these have at most `max_elements`.
    pub fn with_folded_constants(&self, max_elements: usize) -> Result<Self> {
        self.rewrite(|rewriter, node| {
            let Some(op) = node.op().filter(|op| op.is_pure()) else { return Ok(Step::Keep) };
            let small =
                |spec: &super::TensorSpec| spec.shape.elements().is_some_and(|n| n <= max_elements as u64);
            if !node.outputs.iter().all(small) {
                return Ok(Step::Keep);
            }
            let inputs = rewriter.inputs(node)?;
            let Some(arrays) = inputs.iter().map(Tensor::constant).collect::<Option<Vec<_>>>() else {
                return Ok(Step::Keep);
            };
            // An op that fails on its constants fails when it is run, where the error belongs.
            let Ok(values) = op.evaluate(&arrays) else { return Ok(Step::Keep) };
            Ok(Step::Replace(values.into_iter().map(|value| rewriter.builder.constant(value)).collect()))
        })
    }
}
