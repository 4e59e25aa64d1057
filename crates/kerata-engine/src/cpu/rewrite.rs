//! Rewrites of a graph before it is planned: constants folded, nodes that change nothing left out, padding left to windows.

use kerata_core::graph::{Graph, Node, Step, Tensor, ValueId};
use kerata_core::ops::{
    self, BroadcastTo, Conv, Op, Pad, Padding, Reshape, ShapeOf, StopGradient, SumLike, Transpose,
};
use kerata_core::{Error, Result, Shape, TensorSpec};

/// Constants of at most this many elements are computed ahead of runs.
const MAX_FOLDED: usize = 1 << 22;

/// The simplified graph; inputs, outputs and updates stay. It is given up early: graphs of many constants are large.
pub(super) fn simplify(graph: Graph) -> Result<Graph> {
    let folded = graph.with_folded_constants(MAX_FOLDED)?;
    drop(graph);
    let uses = folded.use_counts();
    folded.rewrite(|rewriter, node| {
        if let Some((padded, conv)) = with_padding(rewriter.graph, node, &uses) {
            let inputs = [rewriter.value(padded)?, rewriter.value(node.inputs[1])?];
            return Ok(Step::Replace(vec![rewriter.builder.add_one(conv, &inputs)?]));
        }
        let Some(op) = node.op().map(|op| op.as_any()) else { return Ok(Step::Keep) };
        let Some(&first) = node.inputs.first() else { return Ok(Step::Keep) };
        let before = rewriter.graph.spec(first)?;
        let changes_nothing = if op.is::<Reshape>() {
            is_same_shape(before, &node.outputs[0])
        } else if let Some(transpose) = op.downcast_ref::<Transpose>() {
            if let Some(back) = turned_back(rewriter.graph, first, transpose) {
                return Ok(Step::Replace(vec![rewriter.value(back)?]));
            }
            transpose.order.is_sorted()
        } else {
            op.is::<StopGradient>()
        };
        if changes_nothing { Ok(Step::Replace(vec![rewriter.value(first)?])) } else { Ok(Step::Keep) }
    })
}

/// What a transpose gives back, when the value it reads is that one transposed the other way.
fn turned_back(graph: &Graph, value: ValueId, transpose: &Transpose) -> Option<ValueId> {
    let node = &graph.nodes[value.node];
    let before = node.op()?.as_any().downcast_ref::<Transpose>()?;
    let is_back = transpose.order.iter().enumerate().all(|(at, &axis)| before.order.get(axis) == Some(&at));
    is_back.then(|| node.inputs.first().copied())?
}

/// A convolution as one that looks past the edges of what is padded with zeros for it alone: the padded copy, often the
/// largest value of all, is never made.
fn with_padding(graph: &Graph, node: &Node, uses: &[Vec<usize>]) -> Option<(ValueId, Conv)> {
    let conv = node.op()?.as_any().downcast_ref::<Conv>()?;
    let [padded, _] = node.inputs[..] else { return None };
    let before = &graph.nodes[padded.node];
    let pad = before.op()?.as_any().downcast_ref::<Pad>().filter(|pad| pad.value == 0.0)?;
    let [(0, 0), spatial @ .., (0, 0)] = &pad.widths[..] else { return None };
    let padding = match &conv.padding {
        Padding::Valid => spatial.to_vec(),
        Padding::Explicit(own) => {
            own.iter().zip(spatial).map(|(own, more)| (own.0 + more.0, own.1 + more.1)).collect()
        }
        Padding::Same => return None,
    };
    let conv = Conv { padding: Padding::Explicit(padding), ..conv.clone() };
    (uses[padded.node] == [1]).then(|| Some((*before.inputs.first()?, conv)))?
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

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::ops::PadMode;
    use kerata_core::{Array, DType};

    use super::*;

    /// Zeros around an image, and a convolution that takes them in.
    #[test]
    fn padding_for_one_convolution_becomes_its_own() {
        let builder = GraphBuilder::new("padded");
        let axes = [None, Some(5), Some(4), Some(1)];
        let x = builder.input("x", TensorSpec::new(DType::Float32, Shape::new(axes)));
        let kernel = Array::from_f32([2, 3, 1, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let kernel = builder.constant(kernel);
        let widths = [(0, 0), (1, 0), (0, 2), (0, 0)];
        let made = |value| {
            let padded = ops::pad(&x, &widths, PadMode::Constant, value).unwrap();
            ops::conv(&padded, &kernel, &[2], Padding::Valid, &[1]).unwrap()
        };
        let graph = builder.finish(&[("zeros", &made(0.0)), ("ones", &made(1.0))]).unwrap();
        let simple = simplify(graph.clone()).unwrap();
        let count = |graph: &Graph| {
            graph.nodes.iter().filter(|node| node.op().is_some_and(|op| op.name() == "pad")).count()
        };
        assert_eq!((count(&graph), count(&simple)), (2, 1));
        let image = Array::from_f32([1, 5, 4, 1], (0..20).map(|at| at as f32).collect()).unwrap();
        let run = |graph: &Graph| {
            let (outputs, _) = graph.evaluate(std::slice::from_ref(&image), &|_| unreachable!()).unwrap();
            outputs.into_iter().map(|output| output.as_f32().unwrap().to_vec()).collect::<Vec<_>>()
        };
        // Of the first window only the lower row lies inside: 0 x 4 + 1 x 5 + 2 x 6.
        assert_eq!(run(&simple)[0][0], 17.0);
        assert_eq!(run(&simple), run(&graph));
    }

    #[test]
    fn what_is_turned_and_turned_back_is_not_moved() {
        let builder = GraphBuilder::new("turned");
        let x = builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(3), Some(4)])));
        let turned = ops::transpose(&x, &[1, 2, 0]).unwrap();
        let back = ops::exp(&ops::transpose(&turned, &[2, 0, 1]).unwrap()).unwrap();
        let other = ops::exp(&ops::transpose(&turned, &[1, 2, 0]).unwrap()).unwrap();
        let count = |graph: &Graph| {
            graph.nodes.iter().filter(|node| node.op().is_some_and(|op| op.name() == "transpose")).count()
        };
        let graph = builder.finish(&[("back", &back)]).unwrap();
        assert_eq!((count(&graph), count(&simplify(graph.clone()).unwrap())), (2, 0));
        let graph = builder.finish(&[("other", &other)]).unwrap();
        assert_eq!(count(&simplify(graph.clone()).unwrap()), 2);
    }
}
