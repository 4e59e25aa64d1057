//! Rewrites of a graph before it is planned: constants folded, nodes that change nothing left out.

use kerata_core::graph::{Graph, Step, Tensor};
use kerata_core::ops::{self, BroadcastTo, Op, Reshape, ShapeOf, StopGradient, SumLike, Transpose};
use kerata_core::{Error, Result, Shape, TensorSpec};

/// Constants of at most this many elements are computed ahead of runs.
const MAX_FOLDED: usize = 1 << 22;

/// The simplified graph; inputs, outputs and updates stay.
pub(super) fn simplify(graph: &Graph) -> Result<Graph> {
    let graph = graph.with_folded_constants(MAX_FOLDED)?;
    graph.rewrite(|rewriter, node| {
        let Some(op) = node.op().map(|op| op.as_any()) else { return Ok(Step::Keep) };
        let Some(&first) = node.inputs.first() else { return Ok(Step::Keep) };
        let before = rewriter.graph.spec(first)?;
        let changes_nothing = if op.is::<Reshape>() {
            is_same_shape(before, &node.outputs[0])
        } else if let Some(transpose) = op.downcast_ref::<Transpose>() {
            transpose.order.is_sorted()
        } else {
            op.is::<StopGradient>()
        };
        if changes_nothing { Ok(Step::Replace(vec![rewriter.value(first)?])) } else { Ok(Step::Keep) }
    })
}

/// The graph for inputs of these shapes: what only lent sizes is left out, and sums to a shape say over which axes.
pub(super) fn specialized(graph: &Graph, shapes: &[Vec<usize>]) -> Result<Graph> {
    let mut graph = graph.clone();
    for (input, shape) in graph.inputs.clone().into_iter().zip(shapes) {
        let node = graph.nodes.get_mut(input.node);
        let spec = node.and_then(|node| node.outputs.get_mut(input.output));
        let spec = spec.ok_or_else(|| Error::internal("an input of the graph"))?;
        spec.shape = Shape::known(shape.iter().map(|&size| size as u64));
    }
    graph.rewrite(|rewriter, node| {
        let Some(op) = node.op() else { return Ok(Step::Keep) };
        let made = with_sizes(op, &rewriter.inputs(node)?)?;
        Ok(made.map_or(Step::Keep, |made| Step::Replace(vec![made])))
    })
}

/// What an op gives that takes sizes from its inputs, when they are known.
fn with_sizes(op: &dyn Op, inputs: &[Tensor]) -> Result<Option<Tensor>> {
    let Some(x) = inputs.first() else { return Ok(None) };
    let any = op.as_any();
    if let Some(shape_of) = any.downcast_ref::<ShapeOf>() {
        return ops::shape_of_as(x, shape_of.dtype).map(Some);
    }
    let is_known = any.is::<Reshape>() || any.is::<BroadcastTo>() || any.is::<SumLike>();
    if !is_known || x.shape().elements().is_none() {
        return Ok(None);
    }
    let specs: Vec<TensorSpec> = inputs.iter().map(|input| input.spec().clone()).collect();
    let made = op.spec(&specs)?;
    let Some(to) = made.first().and_then(|spec| spec.shape.sizes()) else { return Ok(None) };
    if any.is::<BroadcastTo>() {
        return ops::broadcast_to(x, to).map(Some);
    }
    if any.is::<SumLike>() {
        let from = x.shape().axes();
        let lead = from.len() - to.len();
        let axes = (0..from.len()).filter(|&axis| axis < lead || from[axis] != Some(to[axis - lead]));
        let axes: Vec<i64> = axes.map(|axis| axis as i64).collect();
        let sum = if axes.is_empty() { x.clone() } else { ops::sum(x, &axes, true)? };
        return ops::reshape(&sum, to).map(Some);
    }
    ops::reshape(x, to).map(Some)
}

/// Whether two shapes of as many elements are certainly one: they agree, and at most one axis is not known.
fn is_same_shape(a: &TensorSpec, b: &TensorSpec) -> bool {
    let unknown = a.shape.axes().iter().filter(|size| size.is_none()).count();
    a.shape == b.shape && unknown <= 1 && !a.shape.axes().contains(&Some(0))
}
