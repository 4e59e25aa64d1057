//! Values computed again for their late readers: what is cheap and follows from values that are held anyway is not held itself.
//!
//! The way back of a training step reads what the way there has made. A sum, a product or a quotient of held values costs less
//! to make again than its memory.

use kerata_core::graph::{Graph, Node, NodeKind, ValueId};

use super::kernels::elementwise::{Binary, Unary};
use super::plan::is_stretched;
use super::steps;

/// Elements from which a value is worth it.
const LEAST: u64 = 1 << 14;
/// Nodes without a reader after which further readers are late.
const GAP: usize = 24;
/// Nodes by which a value may be held longer for another one to be made again.
const REACH: usize = 64;
/// A value this many times smaller than another one is held beside it.
const SMALL: u64 = 16;

/// The graph with cheap values made again before their late readers; sizes must be known.
pub(super) fn recompute(graph: Graph) -> Graph {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| readers[input.node].push(at));
    }
    let mut is_result = vec![false; graph.nodes.len()];
    graph.results().for_each(|value| is_result[value.node] = true);
    let mut search = Search { graph: &graph, readers: &readers, late: vec![None; graph.nodes.len()] };
    for (at, _) in is_result.iter().enumerate().filter(|(_, is_result)| !**is_result) {
        search.late[at] = search.late_readers(at);
    }
    if search.late.iter().all(Option::is_none) {
        return graph;
    }
    let mut writer = Writer {
        graph: &graph,
        late: &search.late,
        nodes: Vec::new(),
        places: Vec::new(),
        again: Vec::new(),
    };
    writer.again.resize(graph.nodes.len(), None);
    for (at, node) in graph.nodes.iter().enumerate() {
        let made = writer.write(node, at);
        writer.places.push(made);
    }
    let Writer { nodes, places, .. } = writer;
    let mut made = Graph { nodes, ..graph };
    let moved = |id: &mut ValueId| id.node = places[id.node];
    made.inputs.iter_mut().for_each(moved);
    made.outputs.iter_mut().chain(&mut made.updates).for_each(|(_, id)| moved(id));
    made
}

struct Search<'a> {
    graph: &'a Graph,
    readers: &'a [Vec<usize>],
    /// Of a node that is made again: the first reader of the new value.
    late: Vec<Option<usize>>,
}

impl Search<'_> {
    /// The first late reader of a value that is to be made again.
    fn late_readers(&self, at: usize) -> Option<usize> {
        let node = &self.graph.nodes[at];
        if !is_cheap(self.graph, node) || elements(node)? < LEAST {
            return None;
        }
        let uses = std::iter::once(&at).chain(&self.readers[at]);
        let (gap, late) =
            uses.zip(&self.readers[at]).map(|(before, reader)| (reader - before, *reader)).max()?;
        let last = self.readers[at].last()?;
        (gap >= GAP && late > self.readers[at][0] && self.is_there(node, elements(node)?, *last))
            .then_some(late)
    }

    /// Whether what a node reads is there, or can be made again, as late as a place.
    fn is_there(&self, node: &Node, size: u64, place: usize) -> bool {
        node.inputs.iter().all(|input| {
            let from = &self.graph.nodes[input.node];
            let is_held = from.op().is_none()
                || elements(from).is_some_and(|own| own <= size / SMALL)
                || (self.late[input.node].is_none()
                    && self.readers[input.node].last().is_some_and(|&last| last + REACH >= place));
            is_held
                || (self.late[input.node].is_some_and(|late| late <= place)
                    && self.is_there(from, size, place))
        })
    }
}

struct Writer<'a> {
    graph: &'a Graph,
    late: &'a [Option<usize>],
    nodes: Vec<Node>,
    places: Vec<usize>,
    /// Where nodes have been made again.
    again: Vec<Option<usize>>,
}

impl Writer<'_> {
    /// Writes a node for a place of the old graph, after what it reads again.
    fn write(&mut self, node: &Node, place: usize) -> usize {
        let inputs = node
            .inputs
            .iter()
            .map(|input| ValueId { node: self.input(input.node, place), output: input.output });
        let inputs = inputs.collect();
        self.nodes.push(Node { inputs, ..node.clone() });
        self.nodes.len() - 1
    }

    fn input(&mut self, at: usize, place: usize) -> usize {
        if self.late[at].is_none_or(|late| place < late) {
            return self.places[at];
        }
        if let Some(made) = self.again[at] {
            return made;
        }
        let graph = self.graph;
        let made = self.write(&graph.nodes[at], place);
        self.again[at] = Some(made);
        made
    }
}

fn elements(node: &Node) -> Option<u64> {
    match &node.outputs[..] {
        [spec] => spec.shape.elements(),
        _ => None,
    }
}

/// Whether a node is a function of a few instructions for each element.
fn is_cheap(graph: &Graph, node: &Node) -> bool {
    let NodeKind::Op(op) = &node.kind else { return false };
    let op = op.as_ref();
    let is_unary = matches!(
        steps::unary(op),
        Some(Unary::Negative | Unary::Abs | Unary::Square | Unary::Relu | Unary::Clip(..))
    );
    let is_binary = matches!(
        steps::binary(op),
        Some(
            Binary::Add
                | Binary::Subtract
                | Binary::Multiply
                | Binary::Divide
                | Binary::Maximum
                | Binary::Minimum
        )
    );
    is_unary || is_binary || is_stretched(graph, node)
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::{Array, DType, Shape, TensorSpec, autodiff, ops};

    use super::*;

    /// A scaled value that the next product and its way back read, with much between.
    #[test]
    fn cheap_values_are_made_again_with_the_same_bits() {
        let builder = GraphBuilder::new("step");
        let spec = TensorSpec::new(DType::Float32, Shape::known([128, 128]));
        let x = builder.input("x", spec.clone());
        let weights = ["a", "b", "c"].map(|path| builder.variable(path, spec.clone(), true).unwrap());
        let mut y = x;
        for weight in &weights {
            let sum = ops::matmul(&y, weight).unwrap();
            let wave = ops::sin(&sum).unwrap();
            y = ops::multiply(&ops::add(&sum, &wave).unwrap(), &wave).unwrap();
            y = (0..8).fold(y, |y, _| ops::tanh(&y).unwrap());
        }
        let loss = ops::sum(&y, &[], false).unwrap();
        let grads = autodiff::gradients(&builder, &loss, &weights).unwrap();
        let graph =
            builder.finish(&[("a", &grads[0]), ("b", &grads[1]), ("c", &grads[2]), ("loss", &loss)]).unwrap();
        let again = recompute(graph.clone());
        assert!(again.nodes.len() > graph.nodes.len());
        let values = (0..128 * 128).map(|at| ((at * 37 % 101) as f32 - 50.0) * 1e-3).collect();
        let value = Array::from_f32([128, 128], values).unwrap();
        let run = |graph: &Graph| {
            let (outputs, _) = graph.evaluate(std::slice::from_ref(&value), &|_| Ok(value.clone())).unwrap();
            outputs.into_iter().map(|output| output.as_f32().unwrap().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(run(&again), run(&graph));
    }
}
