//! Transposes that products read or write through, so that nothing is moved.

use kerata_core::DType;
use kerata_core::graph::{Graph, Node, NodeKind};
use kerata_core::ops::Transpose;

use super::Weights;
use super::fuse::Groups;

/// What becomes of the transposes of a graph.
pub struct Transposes {
    /// Transposes that only products read: they are not made.
    pub is_skipped: Vec<bool>,
    /// Of a product: the transpose through which it writes. It is made where the transpose stands.
    pub written_through: Vec<Option<usize>>,
    /// Of a transpose: the product that writes through it.
    pub product: Vec<Option<usize>>,
}

impl Transposes {
    /// Decides for a graph whose groups are known.
    pub fn new(graph: &Graph, groups: &Groups, weights: Option<&Weights>) -> Transposes {
        let count = graph.nodes.len();
        let mut made = Transposes {
            is_skipped: vec![false; count],
            written_through: vec![None; count],
            product: vec![None; count],
        };
        let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (at, node) in graph.nodes.iter().enumerate() {
            for input in &node.inputs {
                consumers[input.node].push(at);
            }
        }
        let is_result = |at: usize| graph.results().any(|value| value.node == at);
        let is_product = |at: usize| graph.nodes[at].op().is_some_and(|op| op.name() == "matmul");
        for at in 0..count {
            let Some(order) = order(graph, at) else { continue };
            if !is_result(at)
                && !consumers[at].is_empty()
                && consumers[at].iter().all(|&consumer| is_product(consumer))
            {
                made.is_skipped[at] = true;
                continue;
            }
            let from = graph.nodes[at].inputs[0].node;
            let keeps_rows = order.last() == Some(&(order.len() - 1));
            let is_free = is_product(from) && groups.of[from].is_none() && consumers[from].len() == 1;
            let is_constant = |node: &Node| match &node.kind {
                NodeKind::Variable { path, .. } => Weights::have(weights, path),
                kind => matches!(kind, NodeKind::Constant(_)),
            };
            let right = graph.nodes[from].inputs.get(1);
            let right_is_constant = right.is_some_and(|right| is_constant(&graph.nodes[right.node]));
            if keeps_rows && is_free && !right_is_constant && !is_result(from) {
                made.written_through[from] = Some(at);
                made.product[at] = Some(from);
            }
        }
        made
    }
}

/// The order of a node that transposes floats.
pub fn order(graph: &Graph, at: usize) -> Option<&[usize]> {
    let node = &graph.nodes[at];
    let NodeKind::Op(op) = &node.kind else { return None };
    let transpose = op.as_any().downcast_ref::<Transpose>()?;
    (node.outputs[0].dtype == DType::Float32).then_some(&transpose.order[..])
}
