//! Grouping: which elementwise nodes and row reductions become one program, and which product they follow.

use kerata_core::graph::{Graph, Node, ValueId};
use kerata_core::ops::{BroadcastTo, Op};
use kerata_core::{DType, TensorSpec};

use crate::cpu::kernels::reduce::Reduce;
use crate::cpu::steps;

/// A set of nodes that become one step.
pub struct Group {
    /// The node whose value is the result.
    pub root: usize,
    /// Nodes before it whose values are results too.
    pub more: Vec<usize>,
    /// All nodes, in order; the root is last.
    pub members: Vec<usize>,
    /// A product or convolution whose rows the program takes over.
    pub producer: Option<usize>,
}

/// The group of each node that is in one, and the groups.
pub struct Groups {
    pub of: Vec<Option<usize>>,
    pub all: Vec<Group>,
}

/// Finds the groups of a graph.
pub fn groups(graph: &Graph) -> Groups {
    let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            consumers[input.node].push(at);
        }
    }
    let mut is_result = vec![false; graph.nodes.len()];
    for value in graph.results() {
        is_result[value.node] = true;
    }
    let mut of: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    let mut all: Vec<Group> = Vec::new();
    // From the end, so that the consumers of a node are placed before it.
    for at in (0..graph.nodes.len()).rev() {
        let node = &graph.nodes[at];
        let Some(op) = node.op() else { continue };
        let shared = consumers[at].first().and_then(|&first| of[first]);
        let home = shared.filter(|&group| {
            let inside =
                |&consumer: &usize| of[consumer] == Some(group) && all[group].producer != Some(consumer);
            !is_result[at] && consumers[at].iter().all(inside)
        });
        if let Some(group) = home
            && all[group].producer.is_none()
            && steps::is_producer(graph, node)
            && node.outputs[0].shape == graph.nodes[all[group].root].outputs[0].shape
        {
            all[group].producer = Some(at);
            of[at] = Some(group);
            continue;
        }
        let reduces = row_reduction(op, graph, node).is_some();
        let compares = is_condition(graph, &consumers, at) && !is_result[at];
        if !reduces && !compares && !is_elementwise(graph, &consumers, node) {
            continue;
        }
        if let Some(group) = home
            && fits(graph, node, reduces, &graph.nodes[all[group].root].outputs[0])
        {
            all[group].members.push(at);
            of[at] = Some(group);
            continue;
        }
        if !reduces && !compares {
            of[at] = Some(all.len());
            all.push(Group { root: at, more: Vec::new(), members: vec![at], producer: None });
        }
    }
    for group in &mut all {
        group.members.reverse();
    }
    let mut groups = Groups { of, all };
    for at in 0..graph.nodes.len() {
        if groups.of[at].is_none() && !is_result[at] && steps::is_producer(graph, &graph.nodes[at]) {
            groups.give_back(graph, &consumers, &is_result, at);
        }
    }
    groups.join_updates(graph, &consumers, &is_result);
    groups
}

impl Groups {
    /// Takes the start of a chain after a product out of a group that has another product: what only constants meet
    /// (bias, folded norm, activation) is cheaper at its own product.
    fn give_back(&mut self, graph: &Graph, consumers: &[Vec<usize>], is_result: &[bool], producer: usize) {
        let mut chain = Vec::new();
        let mut end = producer;
        let mut home = None;
        while let [next] = consumers[end][..] {
            let group = self.of[next];
            let is_inside = group.is_some_and(|group| {
                self.all[group].root != next && self.all[group].members.contains(&next) && !is_result[next]
            });
            let meets_constants = graph.nodes[next]
                .inputs
                .iter()
                .all(|input| input.node == end || graph.nodes[input.node].constant().is_some());
            let keeps_shape = graph.nodes[next].outputs[0].shape == graph.nodes[producer].outputs[0].shape;
            if !is_inside || !meets_constants || !keeps_shape || home.is_some_and(|home| Some(home) != group)
            {
                break;
            }
            home = group;
            chain.push(next);
            end = next;
        }
        let Some(home) = home else { return };
        let reduces = |&at: &usize| {
            graph.nodes[at].op().is_some_and(|op| row_reduction(op, graph, &graph.nodes[at]).is_some())
        };
        if chain.iter().any(reduces) {
            return;
        }
        self.all[home].members.retain(|member| !chain.contains(member));
        for at in chain.iter().chain([&producer]) {
            self.of[*at] = Some(self.all.len());
        }
        self.all.push(Group { root: end, more: Vec::new(), members: chain, producer: Some(producer) });
    }
}

/// Whether a node's value can live in the domain of a group's root.
fn fits(graph: &Graph, node: &Node, reduces: bool, root: &TensorSpec) -> bool {
    let spec = &node.outputs[0];
    if reduces {
        return input_spec(graph, node.inputs[0]).is_some_and(|input| input.shape == root.shape);
    }
    spec.shape == root.shape || is_column_of(spec, root)
}

/// Whether a spec is the root's with one element a row.
pub fn is_column_of(spec: &TensorSpec, root: &TensorSpec) -> bool {
    let (axes, wide) = (spec.shape.axes(), root.shape.axes());
    axes.len() == wide.len()
        && axes.len() > 1
        && axes.last() == Some(&Some(1))
        && wide.last().is_some_and(|last| last.is_some_and(|last| last > 1))
        && axes[..axes.len() - 1] == wide[..wide.len() - 1]
}

/// The spec of a value.
pub fn input_spec(graph: &Graph, value: ValueId) -> Option<&TensorSpec> {
    graph.spec(value).ok()
}

/// The reduction a node computes, when it is one over the last axis, of known size above one, which it keeps.
pub fn row_reduction(op: &dyn Op, graph: &Graph, node: &Node) -> Option<Reduce> {
    let input = input_spec(graph, *node.inputs.first()?)?;
    let (function, axes, keepdims) = steps::reduction(op)?;
    let last = input.rank().checked_sub(1)?;
    let known = input.size(last).is_some_and(|size| size > 1);
    (input.dtype == DType::Float32 && known && keepdims && axes == [last] && last > 0).then_some(function)
}

/// Whether a node is a float function of elements that programs know.
fn is_elementwise(graph: &Graph, consumers: &[Vec<usize>], node: &Node) -> bool {
    let Some(op) = node.op() else { return false };
    if node.outputs.len() != 1 || node.outputs[0].dtype != DType::Float32 || has_axes_of_number(graph, node) {
        return false;
    }
    if is_stretched(graph, node) {
        return true;
    }
    if let ("where", [condition, ..]) = (op.name(), &node.inputs[..]) {
        return is_condition(graph, consumers, condition.node);
    }
    all_floats(graph, node) && (steps::unary(op).is_some() || steps::binary(op).is_some())
}

/// Whether a node stretches floats to a shape that is known: programs read them stretched.
pub fn is_stretched(graph: &Graph, node: &Node) -> bool {
    node.op().is_some_and(|op| op.name() == BroadcastTo::NAME)
        && node.inputs.len() == 1
        && all_floats(graph, node)
        && node.outputs[0].shape.elements().is_some()
}

/// Whether a node has its axes from a constant of one element, as `() + (1,)`: a program takes that for a bare number.
fn has_axes_of_number(graph: &Graph, node: &Node) -> bool {
    let read = node.inputs.iter().filter(|&&input| constant_number(graph, input).is_none());
    let widest = read.filter_map(|&input| input_spec(graph, input).map(|spec| spec.rank())).max();
    widest.is_some_and(|widest| widest < node.outputs[0].rank())
}

/// Whether a node compares floats for one `where` of its own shape, with which it shares a group.
fn is_condition(graph: &Graph, consumers: &[Vec<usize>], at: usize) -> bool {
    let node = &graph.nodes[at];
    let [reader] = consumers[at][..] else { return false };
    let reader = &graph.nodes[reader];
    node.op().is_some_and(|op| steps::comparison(op).is_some())
        && all_floats(graph, node)
        && reader.op().is_some_and(|op| op.name() == "where")
        && reader.outputs[0].dtype == DType::Float32
        && reader.outputs[0].shape == node.outputs[0].shape
        && graph.results().all(|value| value.node != at)
}

fn all_floats(graph: &Graph, node: &Node) -> bool {
    node.inputs.iter().all(|&input| input_spec(graph, input).is_some_and(|spec| spec.dtype == DType::Float32))
}

/// The number that a value is everywhere, if it is a constant of one element.
pub fn constant_number(graph: &Graph, value: ValueId) -> Option<f32> {
    let array = graph.nodes[value.node].constant()?;
    (array.len() == 1).then(|| array.as_f32().ok().map(|x| x[0])).flatten()
}
