//! Whether samples of a batch can be run apart, and how many together: memory stays small and in cache, and threads
//! take whole tiles.

use kerata_core::graph::{Graph, Node, NodeKind, ValueId};
use kerata_core::ops::{Concat, Conv, Dim, Full, Pad, Pool, Range, Reshape, Slice, Split, Take, Transpose};
use kerata_core::{Array, Error, Result};

use super::steps;

/// Floats of the largest value of a tile.
const TILE: usize = 256 * 1024;

/// Floats of the largest value of one sample, if no value of the graph mixes samples: the first axis of every input,
/// and of everything that follows from it, is the batch.
pub(super) fn floats_a_sample(graph: &Graph) -> Option<usize> {
    let mut is_batch = vec![false; graph.nodes.len()];
    let mut largest = 1;
    for (at, node) in graph.nodes.iter().enumerate() {
        is_batch[at] = match &node.kind {
            NodeKind::Input { .. } => node.outputs.first()?.shape.axes().first()?.is_none(),
            NodeKind::Op(_) if node.inputs.iter().any(|input| is_batch[input.node]) => {
                keeps_samples(graph, node, &|value: ValueId| is_batch[value.node])?;
                true
            }
            _ => false,
        };
        if is_batch[at] {
            for spec in &node.outputs {
                let sizes =
                    spec.shape.axes().get(1..)?.iter().map(|size| size.and_then(|n| usize::try_from(n).ok()));
                largest = largest.max(sizes.collect::<Option<Vec<_>>>()?.into_iter().product());
            }
        } else if matches!(node.kind, NodeKind::Input { .. }) {
            return None;
        }
    }
    let all = graph.updates.is_empty() && graph.outputs.iter().all(|(_, value)| is_batch[value.node]);
    all.then_some(largest)
}

/// Samples to run together.
pub(super) fn tile(floats_a_sample: usize, batch: usize, threads: usize) -> usize {
    (TILE / floats_a_sample).clamp(1, batch.div_ceil(threads).max(1))
}

/// Whether the first axis of a node's outputs is the batch, sample by sample, given that some input's is.
fn keeps_samples(graph: &Graph, node: &Node, is_batch: &dyn Fn(ValueId) -> bool) -> Option<()> {
    let op = node.op()?;
    let rank = node.outputs.first()?.rank();
    let input_rank = |value: ValueId| graph.spec(value).map_or(0, |spec| spec.rank());
    let first = *node.inputs.first()?;
    let only_first = is_batch(first) && node.inputs[1..].iter().all(|&input| !is_batch(input));
    // Values that do not follow from the batch must not meet its axis, unless stretched along it.
    let meets = |value: ValueId| {
        let spec = graph.spec(value).ok();
        match is_batch(value) {
            true => input_rank(value) == rank,
            false => input_rank(value) < rank || spec.is_some_and(|spec| spec.size(0) == Some(1)),
        }
    };
    let any = op.as_any();
    let holds = if steps::unary(op).is_some()
        || steps::binary(op).is_some()
        || steps::comparison(op).is_some()
        || matches!(op.name(), "where" | "cast")
    {
        node.inputs.iter().all(|&input| meets(input))
    } else if let ("matmul", [left, right]) = (op.name(), &node.inputs[..]) {
        is_batch(*left) && input_rank(*left) == rank && (input_rank(*right) < rank || meets(*right)) && {
            // Two axes of the right side are rows and columns, not batches.
            rank > 2 || !is_batch(*right)
        }
    } else if any.is::<Conv>() || any.is::<Pool>() {
        only_first
    } else if let Some(op) = any.downcast_ref::<Reshape>() {
        is_batch(first) && first_dim(&op.dims, &node.inputs, is_batch)
    } else if let Some(op) = any.downcast_ref::<Full>() {
        first_dim(&op.dims, &node.inputs, is_batch)
    } else if let Some(op) = any.downcast_ref::<Transpose>() {
        op.order.first() == Some(&0)
    } else if let Some((_, axes, _)) = steps::reduction(op) {
        !axes.contains(&0)
    } else if let Some(op) = any.downcast_ref::<Concat>() {
        op.axis > 0 && node.inputs.iter().all(|&input| is_batch(input))
    } else if let Some(op) = any.downcast_ref::<Slice>() {
        op.ranges.first() == Some(&Range::ALL)
    } else if let Some(op) = any.downcast_ref::<Split>() {
        op.axis > 0
    } else if let Some(op) = any.downcast_ref::<Pad>() {
        op.widths.first() == Some(&(0, 0))
    } else if let Some(op) = any.downcast_ref::<Take>() {
        // A table's rows, or elements inside each sample.
        let places = *node.inputs.get(1)?;
        (op.axis == 0 && !is_batch(first) && is_batch(places)) || (op.axis > 0 && only_first)
    } else {
        false
    };
    holds.then_some(())
}

/// Whether the first size of a shape is taken from the batch axis.
fn first_dim(dims: &[Dim], inputs: &[ValueId], is_batch: &dyn Fn(ValueId) -> bool) -> bool {
    match dims.first() {
        Some(Dim::Of { input, axis: 0 }) => inputs.get(*input).is_some_and(|&value| is_batch(value)),
        _ => false,
    }
}

/// Samples `from..to` of an array.
pub(super) fn samples(array: &Array, from: usize, to: usize) -> Result<Array> {
    let mut shape = array.shape().to_vec();
    let width: usize = shape.get(1..).ok_or_else(|| Error::internal("a batch axis"))?.iter().product();
    shape[0] = to - from;
    array.take_runs(&[from * width], (to - from) * width, shape)
}
