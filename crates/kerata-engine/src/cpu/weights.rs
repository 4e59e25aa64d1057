//! Weights of products, which are read one after the other while they are packed.

use std::collections::{HashMap, HashSet};

use kerata_core::graph::{Graph, Node, NodeKind};
use kerata_core::ops::Reshape;
use kerata_core::{DType, TensorSpec};

/// Elements from which a weight counts as large.
const LARGE: u64 = 1 << 14;

fn is_large(node: &Node) -> bool {
    let spec = node.outputs.first();
    spec.is_some_and(|spec| spec.dtype == DType::Float32 && spec.shape.elements().is_some_and(|n| n >= LARGE))
}

/// The large variables that only products read, as their right side.
pub(super) fn of_products(graph: &Graph) -> HashSet<usize> {
    let variables = graph.nodes.iter().enumerate();
    let mut found: HashSet<usize> = variables
        .filter(|(_, node)| matches!(node.kind, NodeKind::Variable { .. }) && is_large(node))
        .map(|(at, _)| at)
        .collect();
    for node in &graph.nodes {
        for (place, input) in node.inputs.iter().enumerate() {
            let is_weight = place == 1
                && match node.op().map(|op| op.name()) {
                    Some("conv") => true,
                    Some("matmul") => graph.spec(*input).is_ok_and(|spec| spec.rank() == 2),
                    _ => false,
                };
            if !is_weight {
                found.remove(&input.node);
            }
        }
    }
    for value in graph.results() {
        found.remove(&value.node);
    }
    found
}

/// The graph in which a large weight that is only read as a matrix, as those of attention with an axis of heads are, is a
/// variable of that matrix's shape; with the specs that such variables have. Those in `updated` stay.
pub(super) fn as_read(mut graph: Graph, updated: &HashSet<&str>) -> (Graph, HashMap<String, TensorSpec>) {
    let uses = graph.use_counts();
    let mut own = HashMap::new();
    for at in 0..graph.nodes.len() {
        let node = &graph.nodes[at];
        let is_matrix = node.op().is_some_and(|op| op.as_any().is::<Reshape>())
            && node.outputs.iter().all(|spec| spec.rank() == 2 && spec.shape.elements().is_some());
        let &[weight] = &node.inputs[..] else { continue };
        let weight = &graph.nodes[weight.node];
        let NodeKind::Variable { path, .. } = &weight.kind else { continue };
        let is_read_once = uses[node.inputs[0].node] == [1];
        if !is_matrix || !is_read_once || !is_large(weight) || updated.contains(path.as_str()) {
            continue;
        }
        let (path, kind, spec) = (path.clone(), weight.kind.clone(), weight.outputs[0].clone());
        own.insert(path, spec);
        let node = &mut graph.nodes[at];
        node.kind = kind;
        node.inputs.clear();
    }
    (graph.without_dead_nodes(), own)
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::{Array, Shape, ops};

    use super::*;
    use crate::cpu::Cpu;
    use crate::{Engine, SessionOptions};

    /// Rows times a weight of heads, as attention projects them.
    #[test]
    fn a_weight_that_is_read_as_a_matrix_is_packed_from_the_file() {
        let floats = |axes: &[Option<u64>]| TensorSpec::new(DType::Float32, Shape::new(axes.iter().copied()));
        let builder = GraphBuilder::new("heads");
        let x = builder.input("x", floats(&[None, Some(64)]));
        let weight = builder.variable("w", floats(&[Some(64), Some(4), Some(64)]), true).unwrap();
        let matrix = ops::reshape(&weight, [64, 256]).unwrap();
        let y = ops::matmul(&x, &matrix).unwrap();
        let graph = builder.finish(&[("y", &y)]).unwrap();

        let (flat, own) = as_read(graph.clone(), &HashSet::new());
        assert_eq!(own["w"], floats(&[Some(64), Some(4), Some(64)]));
        let weights = of_products(&flat);
        assert_eq!(weights.len(), 1);
        assert!(weights.iter().all(|&at| flat.nodes[at].outputs[0] == floats(&[Some(64), Some(256)])));
        let (kept, own) = as_read(graph.clone(), &HashSet::from(["w"]));
        assert!(own.is_empty() && of_products(&kept).is_empty());

        // Row `r` of the weight is `r` everywhere, so each output is the sum of 0 to 63.
        let rows = (0..64 * 256).map(|at| (at / 256) as f32).collect();
        let weight = Array::from_f32([64, 4, 64], rows).unwrap();
        let read = |_: &str| Ok(weight.clone());
        let session = Cpu::new().prepare(&graph, &read, &SessionOptions::default()).unwrap();
        let found = session.run(&[Array::from_f32([1, 64], vec![1.0; 64]).unwrap()]).unwrap();
        assert!(found[0].as_f32().unwrap().iter().all(|&sum| sum == 2016.0));
        assert_eq!(found[0].shape(), [1, 256]);
    }
}
