//! Rewrites of a graph before it is planned: constants folded, nodes that change nothing left out.

use kerata_core::graph::{Graph, Step};
use kerata_core::ops::{Reshape, StopGradient, Transpose};
use kerata_core::{Result, TensorSpec};

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

/// Whether two shapes of as many elements are certainly one: they agree, and at most one axis is not known.
fn is_same_shape(a: &TensorSpec, b: &TensorSpec) -> bool {
    let unknown = a.shape.axes().iter().filter(|size| size.is_none()).count();
    a.shape == b.shape && unknown <= 1 && !a.shape.axes().contains(&Some(0))
}
