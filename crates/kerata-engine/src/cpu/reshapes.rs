//! Reshapes around products. TensorFlow multiplies more than two axes as one tall matrix: here the axes stay, as those of a
//! layer's own graph do, and what follows joins the product. A bias is added before columns are cut into heads, so that it
//! joins as well.

use kerata_core::Result;
use kerata_core::graph::{Graph, Node, NodeKind, Rewriter, Step, ValueId};
use kerata_core::ops::{self, Dim, Reshape};

/// The graph with such reshapes left out or moved behind the bias. It is rewritten only when there are some, and given up
/// early.
pub(super) fn around_products(mut graph: Graph) -> Result<Graph> {
    let used = graph.use_counts();
    if graph.nodes.iter().any(|node| kept_apart(&graph, &used, node).is_some()) {
        graph = graph.rewrite(|rewriter, node| {
            let Some((x, weights)) = kept_apart(rewriter.graph, &used, node) else { return Ok(Step::Keep) };
            let made = ops::matmul(&rewriter.value(x)?, &rewriter.value(weights)?)?;
            Ok(if *made.spec() == node.outputs[0] { Step::Replace(vec![made]) } else { Step::Keep })
        })?;
    }
    let used = graph.use_counts();
    if graph.nodes.iter().any(|node| split_before(&graph, &used, node).is_some()) {
        graph = graph.rewrite(|rewriter, node| match split_before(rewriter.graph, &used, node) {
            Some((split, bias)) => bias_first(rewriter, node, split, bias),
            None => Ok(Step::Keep),
        })?;
    }
    Ok(graph)
}

fn reshape(node: &Node) -> Option<&Reshape> {
    node.op()?.as_any().downcast_ref()
}

/// The node of a value, when it is a product that nothing else reads.
fn product<'a>(graph: &'a Graph, used: &[Vec<usize>], value: ValueId) -> Option<&'a Node> {
    let node = &graph.nodes[value.node];
    (used[value.node] == [1] && node.op()?.name() == "matmul").then_some(node)
}

/// Of a reshape that gives the rows of a product the axes back that another one took from its left side: that left side as
/// it was, and the weights.
fn kept_apart(graph: &Graph, used: &[Vec<usize>], node: &Node) -> Option<(ValueId, ValueId)> {
    let Reshape { dims } = reshape(node)?;
    let &[rows, weights] = &product(graph, used, *node.inputs.first()?)?.inputs[..] else { return None };
    let flat = &graph.nodes[rows.node];
    reshape(flat)?;
    let x = *flat.inputs.first()?;
    let (before, after) = (graph.spec(x).ok()?, graph.spec(rows).ok()?);
    let is_flat = after.rank() == 2 && before.rank() > 2 && graph.spec(weights).ok()?.rank() == 2;
    let axes = before.shape.axes();
    let width = before.known_axis(-1).ok()?;
    if !is_flat || after.size(1) != Some(width) || dims.len() != axes.len() {
        return None;
    }
    let is_given_back = |axis: usize| match dims[axis] {
        Dim::Known(size) => axes[axis] == Some(size) && size > 0,
        Dim::Of { input, axis: of } => of == axis && node.inputs.get(input) == Some(&x),
        Dim::Infer => false,
    };
    // All axes but one being the same, so is the last one.
    let others = (0..axes.len() - 1).filter(|&axis| !is_given_back(axis)).count();
    (others <= 1).then_some((x, weights))
}

/// Of an addition: the reshape before it that only splits the columns of a product, and the constant bias that has as many
/// numbers as these.
fn split_before(graph: &Graph, used: &[Vec<usize>], node: &Node) -> Option<(ValueId, ValueId)> {
    let &[left, right] = &node.inputs[..] else { return None };
    if node.op()?.name() != "add" {
        return None;
    }
    [(left, right), (right, left)].into_iter().find(|&(split, bias)| {
        let bias_fits = || {
            let at = &graph.nodes[split.node];
            reshape(at).filter(|_| used[split.node] == [1])?;
            let made = *at.inputs.first()?;
            product(graph, used, made)?;
            let NodeKind::Constant(bias) = &graph.nodes[bias.node].kind else { return None };
            let columns = graph.spec(made).ok()?.shape.axes().last().copied().flatten()?;
            let axes = graph.spec(split).ok()?.shape.axes();
            let last = &axes[axes.len().checked_sub(bias.rank())?..];
            let is_same = bias.shape().iter().zip(last).all(|(&size, axis)| *axis == Some(size as u64));
            (is_same && bias.len() as u64 == columns && bias.rank() < axes.len()).then_some(())
        };
        bias_fits().is_some()
    })
}

fn bias_first(rewriter: &Rewriter, node: &Node, split: ValueId, bias: ValueId) -> Result<Step> {
    let split = &rewriter.graph.nodes[split.node];
    let (NodeKind::Op(op), NodeKind::Constant(bias)) = (&split.kind, &rewriter.graph.nodes[bias.node].kind)
    else {
        return Ok(Step::Keep);
    };
    let mut inputs = rewriter.inputs(split)?;
    let Some(product) = inputs.first_mut() else { return Ok(Step::Keep) };
    let bias = rewriter.builder.constant(bias.reshape([bias.len()])?);
    *product = ops::add(product, &bias)?;
    let made = rewriter.builder.add_arc(op.clone(), &inputs)?;
    let is_same = made.iter().map(|made| made.spec()).eq(&node.outputs);
    Ok(if is_same { Step::Replace(made) } else { Step::Keep })
}
