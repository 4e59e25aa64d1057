//! Loops over sequences: the body is a plan of its own; products of the sequences alone are done before the loop.

use kerata_core::graph::{Graph, GraphBuilder, NodeKind, Step, Tensor, ValueId};
use kerata_core::ops::{Op, Scan};
use kerata_core::{Array, DType, Error, Result, ResultExt, Shape, TensorSpec};

use super::{Kernel, Request, binary, unary};
use crate::cpu::context::Context;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::plan::Plan;
use crate::cpu::rewrite;

/// The step of a `scan`.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let op = request.op.as_any().downcast_ref::<Scan>()?;
    let constants: Vec<Option<Array>> = request.inputs.iter().map(|input| input.constant.cloned()).collect();
    Loop::new(op, &constants, request.isa).ok().map(|step| Box::new(step) as Box<dyn Kernel>)
}

struct Loop {
    op: Scan,
    /// Computes further sequences from the sequences, before the loop.
    before: Option<Plan>,
    body: Plan,
    /// Which captures the body still takes.
    captures: Vec<usize>,
    /// Which sequences the body still reads.
    is_read: Vec<bool>,
}

impl Loop {
    fn new(op: &Scan, constants: &[Option<Array>], isa: Isa) -> Result<Loop> {
        let first_capture = op.states + op.sequences;
        let mut body = op.body.clone();
        let mut captures = Vec::new();
        let mut inputs = Vec::new();
        for (at, &input) in op.body.inputs.iter().enumerate() {
            match constants.get(at).filter(|_| at >= first_capture).cloned().flatten() {
                Some(array) => body.nodes[input.node].kind = NodeKind::Constant(array),
                None => {
                    inputs.push(input);
                    if at >= first_capture {
                        captures.push(at);
                    }
                }
            }
        }
        body.inputs = inputs;
        let body = rewrite::simplify(&body)?;
        let sequences = op.states..first_capture;
        let (before, body) = match hoist(&body, sequences.clone())? {
            Some((before, rest)) => (Some(Plan::new(&before, isa, None)?), rest),
            None => (None, body),
        };
        let uses = body.use_counts();
        let is_read =
            sequences.map(|at| uses[body.inputs[at].node].first().is_some_and(|n| *n > 0)).collect();
        Ok(Loop { op: op.clone(), before, body: Plan::new(&body, isa, None)?, captures, is_read })
    }
}

impl Kernel for Loop {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let (states, rest) = inputs.split_at(self.op.states);
        let sequences = &rest[..self.op.sequences];
        let known = sequences.first().map(|sequence| sequence.shape().first().copied().unwrap_or(0));
        let length = self.op.length.and_then(|length| usize::try_from(length).ok());
        let steps = known.or(length).ok_or_else(|| Error::mismatch("a scan without a length"))?;
        if sequences.iter().any(|sequence| sequence.shape().first() != Some(&steps)) {
            return Err(Error::mismatch("sequences of different lengths"));
        }
        if steps == 0 {
            let inputs: Vec<Array> = inputs.iter().map(|&input| input.clone()).collect();
            return self.op.evaluate(&inputs);
        }
        let more = match &self.before {
            Some(before) => before.run(cx, sequences)?,
            None => Vec::new(),
        };
        let mut states: Vec<Array> = states.iter().map(|&state| state.clone()).collect();
        let mut results: Vec<Vec<Array>> = Vec::new();
        let mut floats: Vec<Option<(Vec<usize>, Vec<f32>)>> = Vec::new();
        for step in 0..steps {
            let at = if self.op.reverse { steps - 1 - step } else { step };
            let elements = sequences
                .iter()
                .zip(&self.is_read)
                .map(
                    |(&sequence, is_read)| {
                        if *is_read { element(cx, sequence, at) } else { Ok(sequence.clone()) }
                    },
                )
                .collect::<Result<Vec<_>>>()?;
            let further =
                more.iter().map(|sequence| element(cx, sequence, at)).collect::<Result<Vec<_>>>()?;
            let mut arguments: Vec<&Array> = states.iter().chain(&elements).collect();
            arguments.extend(self.captures.iter().map(|&capture| inputs[capture]));
            arguments.extend(&further);
            let mut made = self.body.run(cx, &arguments).at(|| format!("step {at}"))?;
            let new = made.split_off(self.op.states.min(made.len()));
            if step == 0 {
                results = new.iter().map(|_| vec![]).collect();
                floats = new
                    .iter()
                    .map(|result| {
                        let shape = [&[steps], result.shape()].concat();
                        let len = shape.iter().product();
                        (result.dtype() == DType::Float32).then(|| (shape, cx.pool.take(len)))
                    })
                    .collect();
            }
            for ((result, floats), list) in new.into_iter().zip(&mut floats).zip(&mut results) {
                match floats {
                    Some((shape, buffer)) if shape[1..] == *result.shape() => {
                        buffer[at * result.len()..(at + 1) * result.len()].copy_from_slice(result.as_f32()?);
                        cx.pool.recycle(result);
                    }
                    Some(_) => return Err(Error::mismatch("a result changes its shape from step to step")),
                    None => list.push(result),
                }
            }
            for array in elements.into_iter().chain(further) {
                cx.pool.recycle(array);
            }
            for old in std::mem::replace(&mut states, made) {
                cx.pool.recycle(old);
            }
        }
        more.into_iter().for_each(|array| cx.pool.recycle(array));
        let mut outputs = states;
        for (floats, mut list) in floats.into_iter().zip(results) {
            outputs.push(match floats {
                Some((shape, buffer)) => Array::from_f32(shape, buffer)?,
                None => {
                    if self.op.reverse {
                        list.reverse();
                    }
                    stack(&list)?
                }
            });
        }
        Ok(outputs)
    }
}

/// Element `at` of a sequence.
fn element(cx: &Context, sequence: &Array, at: usize) -> Result<Array> {
    let shape = &sequence.shape()[1..];
    let width = shape.iter().product::<usize>();
    if sequence.dtype() != DType::Float32 {
        return sequence.take_runs(&[at * width], width, shape);
    }
    let data = sequence.as_f32()?;
    cx.float(shape.to_vec(), |out| {
        out.copy_from_slice(&data[at * width..(at + 1) * width]);
        Ok(())
    })
}

fn stack(list: &[Array]) -> Result<Array> {
    let rows =
        list.iter().map(|array| array.reshape([&[1], array.shape()].concat())).collect::<Result<Vec<_>>>()?;
    Array::join(&rows.iter().collect::<Vec<_>>(), 0)
}

/// Splits a body into what can be computed for all elements at once, and the rest, which takes the results as further
/// sequences after its inputs. Only worth it when a product is among them.
fn hoist(body: &Graph, sequences: std::ops::Range<usize>) -> Result<Option<(Graph, Graph)>> {
    let count = body.nodes.len();
    // Of each node: whether it follows from the elements alone, and whether a product is in it.
    let mut moves = vec![false; count];
    let mut has_product = vec![false; count];
    for at in sequences.clone() {
        let spec = body.spec(body.inputs[at])?;
        moves[body.inputs[at].node] = spec.dtype == DType::Float32;
    }
    for (at, node) in body.nodes.iter().enumerate() {
        let Some(op) = node.op() else { continue };
        let rank = node.outputs.first().map_or(0, TensorSpec::rank);
        let constant_rank = |value: ValueId| body.nodes[value.node].constant().map(Array::rank);
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
        has_product[at] =
            moves[at] && (op.name() == "matmul" || node.inputs.iter().any(|input| has_product[input.node]));
    }
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
    for at in sequences {
        let value = body.inputs[at];
        let spec = longer(body.spec(value)?);
        made[value.node] = Some(builder.input(format!("sequence_{at}"), spec));
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
