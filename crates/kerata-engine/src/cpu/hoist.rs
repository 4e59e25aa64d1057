//! What the body of a loop can compute for all elements of its sequences at once, ahead of the loop.

use std::ops::Range;

use kerata_core::graph::{Graph, GraphBuilder, Node, NodeKind, Step, Tensor, ValueId};
use kerata_core::ops::{self, Add};
use kerata_core::{Array, DType, Error, Result, Shape, TensorSpec};

use super::steps::{binary, unary};

/// Splits a body into what can be computed for all elements at once, and the rest, which takes the results as further
/// sequences after its inputs. Only worth it when a product is among them. Captures, which come after the sequences, are the
/// same for all elements, as constants are.
pub(super) fn hoist(body: &Graph, sequences: Range<usize>) -> Result<Option<(Graph, Graph)>> {
    let body = &with_constants_first(body, sequences.clone())?;
    let Moves { moves, has_product } = Moves::new(body, sequences.clone())?;
    let count = body.nodes.len();
    // Values that the rest reads.
    let mut wanted = Vec::new();
    for (at, node) in body.nodes.iter().enumerate() {
        if !moves[at] {
            wanted.extend(node.inputs.iter().copied());
        }
    }
    wanted.extend(body.results());
    wanted.retain(|value| has_product[value.node]);
    wanted.sort_by_key(|value| (value.node, value.output));
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(None);
    }
    let builder = GraphBuilder::new("before");
    let mut made: Vec<Option<Tensor>> = vec![None; count];
    for at in sequences.start..body.inputs.len() {
        let value = body.inputs[at];
        let spec = body.spec(value)?;
        let spec = if at < sequences.end { longer(spec) } else { spec.clone() };
        made[value.node] = Some(builder.input(format!("input_{at}"), spec));
    }
    for (at, node) in body.nodes.iter().enumerate() {
        made[at] = match &node.kind {
            NodeKind::Constant(array) => Some(builder.constant(array.clone())),
            NodeKind::Op(op) if moves[at] => {
                let inputs =
                    node.inputs.iter().map(|input| made[input.node].clone()).collect::<Option<Vec<_>>>();
                let inputs = inputs.ok_or_else(|| Error::internal("a moved node without its inputs"))?;
                builder.add_arc(op.clone(), &inputs)?.into_iter().next()
            }
            _ => made[at].take(),
        };
    }
    let outputs: Vec<(&str, &Tensor)> =
        wanted.iter().filter_map(|value| Some(("sequence", made[value.node].as_ref()?))).collect();
    let before = builder.finish(&outputs)?;
    let rest = replace(body, &wanted)?;
    Ok(Some((before, rest)))
}

/// The body with some values as further inputs.
fn replace(body: &Graph, values: &[ValueId]) -> Result<Graph> {
    let mut graph = body.clone();
    for &value in values {
        let node = &mut graph.nodes[value.node];
        node.kind = NodeKind::Input { name: format!("hoisted_{}", value.node) };
        node.inputs.clear();
        graph.inputs.push(value);
    }
    // Rewriting without a change leaves out what nothing reads any more.
    graph.rewrite(|_, _| Ok(Step::Keep))
}

/// A spec with one more axis in front.
fn longer(spec: &TensorSpec) -> TensorSpec {
    let axes = std::iter::once(None).chain(spec.shape.axes().iter().copied());
    TensorSpec::new(spec.dtype, Shape::new(axes))
}

/// What follows from the elements alone.
struct Moves {
    /// Of each node: whether it does.
    moves: Vec<bool>,
    /// Of each such node: whether a product is in it.
    has_product: Vec<bool>,
}

impl Moves {
    fn new(body: &Graph, sequences: Range<usize>) -> Result<Moves> {
        let count = body.nodes.len();
        let (mut moves, mut has_product) = (vec![false; count], vec![false; count]);
        for at in sequences.clone() {
            let spec = body.spec(body.inputs[at])?;
            moves[body.inputs[at].node] = spec.dtype == DType::Float32;
        }
        for (at, node) in body.nodes.iter().enumerate() {
            let Some(op) = node.op() else { continue };
            let rank = node.outputs.first().map_or(0, TensorSpec::rank);
            let constant_rank = |value: ValueId| {
                let captures = body.inputs.get(sequences.end..).unwrap_or_default();
                let spec = body.spec(value).ok().filter(|spec| spec.dtype == DType::Float32);
                let capture = spec.filter(|_| captures.contains(&value)).map(TensorSpec::rank);
                body.nodes[value.node].constant().map(Array::rank).or(capture)
            };
            let may = match (op.name(), &node.inputs[..]) {
                ("matmul", [left, right]) => moves[left.node] && constant_rank(*right) == Some(2),
                (_, [x]) if unary(op).is_some() => moves[x.node],
                (_, [a, b]) if binary(op).is_some() => {
                    let fits = |value: ValueId| {
                        moves[value.node] && body.spec(value).is_ok_and(|spec| spec.rank() == rank)
                    };
                    let small = |value: ValueId| constant_rank(value).is_some_and(|own| own <= rank);
                    (fits(*a) && fits(*b)) || (fits(*a) && small(*b)) || (small(*a) && fits(*b))
                }
                _ => false,
            };
            moves[at] = may && node.outputs[0].dtype == DType::Float32;
            has_product[at] = moves[at]
                && (op.name() == "matmul" || node.inputs.iter().any(|input| has_product[input.node]));
        }
        Ok(Moves { moves, has_product })
    }
}

/// The body with `(a + b) + constant` as `(a + constant) + b` where `a` is computed ahead and `b` is not: so is the bias.
fn with_constants_first(body: &Graph, sequences: Range<usize>) -> Result<Graph> {
    let Moves { has_product, .. } = Moves::new(body, sequences.clone())?;
    body.rewrite(|rewriter, node| {
        let is_sum = |node: &Node| node.op().is_some_and(|op| op.as_any().is::<Add>());
        let [left, right] = node.inputs[..] else { return Ok(Step::Keep) };
        let captures = body.inputs.get(sequences.end..).unwrap_or_default();
        let is_constant =
            |value: ValueId| body.nodes[value.node].constant().is_some() || captures.contains(&value);
        let (sum, constant) = if is_constant(right) { (left, right) } else { (right, left) };
        let inner = &body.nodes[sum.node];
        if !is_sum(node) || !is_constant(constant) || !is_sum(inner) || has_product[sum.node] {
            return Ok(Step::Keep);
        }
        let [a, b] = inner.inputs[..] else { return Ok(Step::Keep) };
        let (ahead, other) = if has_product[a.node] { (a, b) } else { (b, a) };
        let is_same = body.spec(ahead)?.shape == node.outputs[0].shape;
        if !has_product[ahead.node] || has_product[other.node] || !is_same {
            return Ok(Step::Keep);
        }
        let ahead = ops::add(&rewriter.value(ahead)?, &rewriter.value(constant)?)?;
        Ok(Step::Replace(vec![ops::add(&ahead, &rewriter.value(other)?)?]))
    })
}
