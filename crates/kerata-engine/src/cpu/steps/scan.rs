//! Loops over sequences: the body is a plan of its own; products of the sequences alone are done before the loop.

use std::ops::Range;

use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::ops::{Op, Scan};
use kerata_core::{Array, DType, Error, Result, ResultExt};

use super::recurrent::{self, Recurrent};
use super::{Kernel, Request};
use crate::cpu::context::{Context, take_planned};
use crate::cpu::hoist::hoist;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::plan::Plan;
use crate::cpu::rewrite;

/// The step of a `scan`: a cell where the body is one, else a loop over the body's plan.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let op = request.op.as_any().downcast_ref::<Scan>()?;
    let constants: Vec<Option<Array>> = request.inputs.iter().map(|input| input.constant.cloned()).collect();
    let parts = Parts::new(op, &op.body, &constants, request.isa).ok()?;
    if let Some(cell) = recurrent::cell(op, &parts, request.isa) {
        return Some(Box::new(Recurrent::new(op, parts.before, cell)));
    }
    let known = elements(op, request).and_then(|shapes| rewrite::specialized(&op.body, &shapes).ok());
    let known = known.and_then(|body| Parts::new(op, &body, &constants, request.isa).ok());
    Loop::new(op, known.unwrap_or(parts), request.isa).ok().map(|step| Box::new(step) as Box<dyn Kernel>)
}

/// The shapes of what the body takes, when they are known.
fn elements(op: &Scan, request: &Request) -> Option<Vec<Vec<usize>>> {
    let shapes = request.inputs.iter().enumerate().map(|(at, input)| {
        let mut sizes = input.spec.sizes().ok()?;
        if (op.states..op.states + op.sequences).contains(&at) {
            sizes.drain(..1.min(sizes.len()));
        }
        Some(sizes)
    });
    shapes.collect()
}

/// A body made ready: its constants put in, and split into what is computed ahead for all elements and what is not.
pub(super) struct Parts {
    /// Computes further sequences from the sequences and the captures, before the loop.
    pub before: Option<Plan>,
    /// Takes the states, elements, captures that are not constant, and elements of the further sequences.
    pub body: Graph,
    /// Which of the scan's inputs are captures that the body still takes.
    pub captures: Vec<usize>,
}

impl Parts {
    fn new(op: &Scan, body: &Graph, constants: &[Option<Array>], isa: Isa) -> Result<Parts> {
        let first_capture = op.states + op.sequences;
        let given = body.inputs.clone();
        let mut body = body.clone();
        let mut captures = Vec::new();
        let mut inputs = Vec::new();
        for (at, &input) in given.iter().enumerate() {
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
        let body = rewrite::simplify(body)?;
        let (before, body) = match hoist(&body, op.states..first_capture)? {
            Some((before, rest)) => (Some(Plan::new(&before, isa, None)?), rest),
            None => (None, body),
        };
        Ok(Parts { before, body, captures })
    }
}

/// Floats of sequences for which is computed ahead, with what follows from them.
const AHEAD: usize = 64 * 1024;

struct Loop {
    op: Scan,
    before: Option<Plan>,
    body: Plan,
    captures: Vec<usize>,
    /// Which sequences the body still reads.
    is_read: Vec<bool>,
    /// Of each result, an earlier one that is the same value.
    same: Vec<Option<usize>>,
    /// Floats that are computed ahead for a step, as far as they are known.
    ahead: usize,
}

impl Loop {
    fn new(op: &Scan, parts: Parts, isa: Isa) -> Result<Loop> {
        let Parts { before, body, captures } = parts;
        let uses = body.use_counts();
        let is_read = (op.states..op.states + op.sequences)
            .map(|at| uses[body.inputs[at].node].first().is_some_and(|n| *n > 0))
            .collect();
        let results: Vec<_> = body.results().skip(op.states).collect();
        let earlier = |at: usize| results[..at].iter().position(|earlier| *earlier == results[at]);
        let same = (0..results.len()).map(earlier).collect();
        let further = body.inputs.iter().skip(op.states + op.sequences + captures.len());
        let floats = |value: &ValueId| body.spec(*value).ok()?.shape.elements();
        let ahead = further.filter_map(floats).sum::<u64>();
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        Ok(Loop {
            op: op.clone(),
            before,
            body: Plan::new(&body, isa, None)?,
            captures,
            is_read,
            same,
            ahead,
        })
    }
}

impl Kernel for Loop {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn same(&self, output: usize) -> Option<usize> {
        let result = output.checked_sub(self.op.states)?;
        Some(self.op.states + (*self.same.get(result)?)?)
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let (states, rest) = inputs.split_at(self.op.states);
        let sequences = &rest[..self.op.sequences];
        let steps = steps(sequences, self.op.length)?;
        if steps == 0 {
            let inputs: Vec<Array> = inputs.iter().map(|&input| input.clone()).collect();
            return self.op.evaluate(&inputs);
        }
        // The steps of the body have no use for them.
        let mut planned = cx.plan(Vec::new());
        // What is computed ahead is computed for some steps at a time, and read while it is in cache.
        let width = sequences.iter().map(|sequence| sequence.len() / steps).sum::<usize>();
        let width = width.saturating_add(self.ahead);
        let block = if self.before.is_some() { even(steps, AHEAD / width.max(1)) } else { steps };
        let mut more = Vec::new();
        let mut ahead = 0..0;
        let mut states: Vec<Array> = states.iter().map(|&state| state.clone()).collect();
        let mut results: Vec<Vec<Array>> = Vec::new();
        let mut floats: Vec<Option<(Vec<usize>, Vec<f32>)>> = Vec::new();
        for step in 0..steps {
            let at = if self.op.reverse { steps - 1 - step } else { step };
            if let Some(before) = self.before.as_ref().filter(|_| !ahead.contains(&at)) {
                more.drain(..).for_each(|array| cx.pool.recycle(array));
                ahead = if self.op.reverse {
                    (at + 1).saturating_sub(block)..at + 1
                } else {
                    at..steps.min(at + block)
                };
                let parts = sequences
                    .iter()
                    .map(|sequence| part(cx, sequence, &ahead))
                    .collect::<Result<Vec<_>>>()?;
                let captures = self.captures.iter().map(|&capture| inputs[capture]);
                more = before.run(cx, &parts.iter().chain(captures).collect::<Vec<_>>())?;
                parts.into_iter().for_each(|part| cx.pool.recycle(part));
            }
            let elements = sequences
                .iter()
                .zip(&self.is_read)
                .map(
                    |(&sequence, is_read)| {
                        if *is_read { element(cx, sequence, at) } else { Ok(sequence.clone()) }
                    },
                )
                .collect::<Result<Vec<_>>>()?;
            let further = more
                .iter()
                .map(|sequence| element(cx, sequence, at - ahead.start))
                .collect::<Result<Vec<_>>>()?;
            let mut arguments: Vec<&Array> = states.iter().chain(&elements).collect();
            arguments.extend(self.captures.iter().map(|&capture| inputs[capture]));
            arguments.extend(&further);
            let mut made = self.body.run(cx, &arguments).at(|| format!("step {at}"))?;
            let new = made.split_off(self.op.states.min(made.len()));
            if step == 0 {
                results = new.iter().map(|_| vec![]).collect();
                floats = new
                    .iter()
                    .zip(&self.same)
                    .enumerate()
                    .map(|(output, (result, same))| {
                        let shape = [&[steps], result.shape()].concat();
                        let len = shape.iter().product();
                        let is_kept = result.dtype() == DType::Float32 && same.is_none();
                        is_kept.then(|| {
                            let place = take_planned(&mut planned, self.op.states + output, len);
                            (shape, place.unwrap_or_else(|| cx.pool.take(len)))
                        })
                    })
                    .collect();
            }
            for (((result, floats), list), same) in
                new.into_iter().zip(&mut floats).zip(&mut results).zip(&self.same)
            {
                match floats {
                    _ if same.is_some() => cx.pool.recycle(result),
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
        cx.plan(planned);
        let mut outputs = states;
        for ((floats, mut list), same) in floats.into_iter().zip(results).zip(&self.same) {
            outputs.push(match floats {
                _ if same.is_some() => {
                    let same = same.and_then(|same| outputs.get(self.op.states + same));
                    same.cloned().ok_or_else(|| Error::internal("an earlier result"))?
                }
                Some((shape, buffer)) => Array::from_front(shape, buffer)?,
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

/// Steps to be taken together, at most so many: blocks of one size use the same buffers, if it need not be far smaller.
pub(super) fn even(steps: usize, most: usize) -> usize {
    let most = most.clamp(1, steps);
    (most.div_ceil(2)..=most).rev().find(|size| steps.is_multiple_of(*size)).unwrap_or(most)
}

/// How many steps a scan has.
pub(super) fn steps(sequences: &[&Array], length: Option<u64>) -> Result<usize> {
    let known = sequences.first().map(|sequence| sequence.shape().first().copied().unwrap_or(0));
    let length = length.and_then(|length| usize::try_from(length).ok());
    let steps = known.or(length).ok_or_else(|| Error::mismatch("a scan without a length"))?;
    if sequences.iter().any(|sequence| sequence.shape().first() != Some(&steps)) {
        return Err(Error::mismatch("sequences of different lengths"));
    }
    Ok(steps)
}

/// Some steps of a sequence as a sequence of its own.
fn part(cx: &Context, sequence: &Array, steps: &Range<usize>) -> Result<Array> {
    let [count, rest @ ..] = sequence.shape() else {
        return Err(Error::mismatch("a sequence without steps"));
    };
    if *steps == (0..*count) {
        return Ok(sequence.clone());
    }
    let width: usize = rest.iter().product();
    let shape = [&[steps.len()], rest].concat();
    if sequence.dtype() != DType::Float32 {
        return sequence.take_runs(&[steps.start * width], steps.len() * width, shape);
    }
    let mut floats = cx.pool.take(steps.len() * width);
    floats.copy_from_slice(&sequence.as_f32()?[steps.start * width..steps.end * width]);
    Array::from_f32(shape, floats)
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
