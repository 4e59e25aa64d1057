//! Loops that do the same steps made one: the way back through a loop goes through its steps once more only to write down the
//! states before each, which the way there can do.

use std::collections::HashMap;

use kerata_core::graph::{Graph, Node, Rewriter, Step, Tensor};
use kerata_core::ops::{self, Scan, ScanOptions};
use kerata_core::{Error, Result};

/// The graph with each loop that repeats an earlier one taken into it.
pub(super) fn merge_scans(graph: Graph) -> Result<Graph> {
    let pairs = pairs(&graph);
    if pairs.is_empty() {
        return Ok(graph);
    }
    let mut places = graph.nodes.iter().enumerate().filter(|(_, node)| node.op().is_some()).map(|(at, _)| at);
    let mut ready: HashMap<usize, Vec<Tensor>> = HashMap::new();
    graph.rewrite(|rewriter, node| {
        let at = places.next().ok_or_else(|| Error::internal("more ops than there are"))?;
        if let Some(outputs) = ready.remove(&at) {
            return Ok(Step::Replace(outputs));
        }
        let Some(&later) = pairs.get(&at) else { return Ok(Step::Keep) };
        // Steps that turn out to be different leave both loops as they are.
        let Ok((own, others)) = merged(rewriter, node, &graph.nodes[later]) else { return Ok(Step::Keep) };
        ready.insert(later, others);
        Ok(Step::Replace(own))
    })
}

fn scan_of(node: &Node) -> Option<&Scan> {
    node.op()?.as_any().downcast_ref()
}

/// Loops with a later one that may do the same steps.
fn pairs(graph: &Graph) -> HashMap<usize, usize> {
    let scans: Vec<(usize, &Scan)> =
        graph.nodes.iter().enumerate().filter_map(|(at, node)| Some((at, scan_of(node)?))).collect();
    let mut pairs = HashMap::new();
    let mut is_taken = vec![false; graph.nodes.len()];
    for (place, &(at, scan)) in scans.iter().enumerate() {
        if is_taken[at] {
            continue;
        }
        let own = &graph.nodes[at].inputs;
        let count = scan.states + scan.sequences;
        let other = scans[place + 1..].iter().find(|(later, other)| {
            let inputs = &graph.nodes[*later].inputs;
            !is_taken[*later]
                && (other.states, other.sequences, other.length, other.reverse)
                    == (scan.states, scan.sequences, scan.length, scan.reverse)
                && inputs[..count] == own[..count]
                && inputs[count..].iter().all(|capture| capture.node < at)
        });
        if let Some(&(later, _)) = other {
            is_taken[later] = true;
            pairs.insert(at, later);
        }
    }
    pairs
}

/// One loop for two; the outputs of each. Fails when the states go on differently.
fn merged(rewriter: &Rewriter<'_>, node: &Node, later: &Node) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    let different = || Error::unsupported("loops that do different steps");
    let (first, second) = (scan_of(node).ok_or_else(different)?, scan_of(later).ok_or_else(different)?);
    let (inputs, others) = (rewriter.inputs(node)?, rewriter.inputs(later)?);
    let (states, rest) = inputs.split_at(first.states);
    let (sequences, captures) = rest.split_at(first.sequences);
    let other_captures = &others[first.states + first.sequences..];
    let options = ScanOptions { length: first.length, reverse: first.reverse };
    let own_results = node.outputs.len() - first.states;
    let (last, mut results) =
        ops::scan(&rewriter.builder, states, sequences, options, |states, elements| {
            let child = states.iter().chain(elements).next().ok_or_else(different)?.builder().clone();
            let made = |scan: &Scan, captures: &[Tensor]| {
                let arguments: Vec<Tensor> = states.iter().chain(elements).chain(captures).cloned().collect();
                child.inline(&scan.body, &arguments)
            };
            // Equal nodes are one: states that go on alike are the same tensors.
            let (mut new, mut again) = (made(first, captures)?, made(second, other_captures)?);
            let mut results = new.split_off(first.states);
            results.extend(again.split_off(first.states));
            let is_same = new.iter().zip(&again).all(|(a, b)| a.id() == b.id());
            if is_same { Ok((new, results)) } else { Err(different()) }
        })?;
    let others = results.split_off(own_results);
    let with_states = |results: Vec<Tensor>| last.iter().cloned().chain(results).collect();
    Ok((with_states(results), with_states(others)))
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::{Array, DType, Shape, TensorSpec, autodiff};

    use super::*;

    /// A loop whose state is multiplied by a weight and an element added, and the gradient of its sum.
    fn graph() -> Graph {
        let builder = GraphBuilder::new("loop");
        let spec = |sizes: &[u64]| TensorSpec::new(DType::Float32, Shape::known(sizes.iter().copied()));
        let sequence = builder.input("x", spec(&[4, 2, 3]));
        let weight = builder.variable("w", spec(&[3, 3]), true).unwrap();
        let start = builder.input("start", spec(&[2, 3]));
        let (_, results) =
            ops::scan(&builder, &[start], &[sequence], ScanOptions::default(), |states, elements| {
                let grown = ops::tanh(&ops::matmul(&states[0], &weight)?)?;
                let new = ops::add(&grown, &elements[0])?;
                Ok((vec![new.clone()], vec![new]))
            })
            .unwrap();
        let loss = ops::sum(&ops::square(&results[0]).unwrap(), &[], false).unwrap();
        let grads = autodiff::gradients(&builder, &loss, &[weight]).unwrap();
        builder.finish(&[("loss", &loss), ("grad", &grads[0])]).unwrap()
    }

    #[test]
    fn the_way_back_goes_through_the_steps_once() {
        let graph = graph();
        let merged = merge_scans(graph.clone()).unwrap();
        let count = |graph: &Graph| graph.nodes.iter().filter(|node| scan_of(node).is_some()).count();
        assert_eq!((count(&graph), count(&merged)), (3, 2));
        let numbers = |len: usize| (0..len).map(|at| (at as f32 * 0.37).sin()).collect::<Vec<f32>>();
        let inputs =
            [Array::from_f32([4, 2, 3], numbers(24)).unwrap(), Array::from_f32([2, 3], numbers(6)).unwrap()];
        let run = |graph: &Graph| {
            let weight = |_: &str| Array::from_f32([3, 3], numbers(9));
            let (outputs, _) = graph.evaluate(&inputs, &weight).unwrap();
            outputs.into_iter().map(|output| output.as_f32().unwrap().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(run(&graph), run(&merged));
    }
}
