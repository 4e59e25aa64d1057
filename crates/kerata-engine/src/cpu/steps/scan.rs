//! Loops over sequences: the body is a plan of its own; products of the sequences alone are done before the loop.

use kerata_core::graph::{Graph, NodeKind};
use kerata_core::ops::{Op, Scan};
use kerata_core::{Array, DType, Error, Result, ResultExt};

use super::recurrent::{self, Recurrent};
use super::{Kernel, Memory, Request};
use crate::cpu::context::Context;
use crate::cpu::hoist::hoist;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::plan::Plan;
use crate::cpu::rewrite;

/// The step of a `scan`: a cell where the body is one, else a loop over the body's plan.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let op = request.op.as_any().downcast_ref::<Scan>()?;
    let constants: Vec<Option<Array>> = request.inputs.iter().map(|input| input.constant.cloned()).collect();
    let parts = Parts::new(op, &constants, request.isa).ok()?;
    if let Some(cell) = recurrent::cell(op, &parts, request.isa) {
        return Some(Box::new(Recurrent::new(op, parts.before, cell)));
    }
    Loop::new(op, parts, request.isa).ok().map(|step| Box::new(step) as Box<dyn Kernel>)
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
    fn new(op: &Scan, constants: &[Option<Array>], isa: Isa) -> Result<Parts> {
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
        let (before, body) = match hoist(&body, op.states..first_capture)? {
            Some((before, rest)) => (Some(Plan::new(&before, isa, None)?), rest),
            None => (None, body),
        };
        Ok(Parts { before, body, captures })
    }
}

struct Loop {
    op: Scan,
    before: Option<Plan>,
    body: Plan,
    captures: Vec<usize>,
    /// Which sequences the body still reads.
    is_read: Vec<bool>,
}

impl Loop {
    fn new(op: &Scan, parts: Parts, isa: Isa) -> Result<Loop> {
        let Parts { before, body, captures } = parts;
        let uses = body.use_counts();
        let is_read = (op.states..op.states + op.sequences)
            .map(|at| uses[body.inputs[at].node].first().is_some_and(|n| *n > 0))
            .collect();
        Ok(Loop { op: op.clone(), before, body: Plan::new(&body, isa, None)?, captures, is_read })
    }
}

impl Kernel for Loop {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn memory(&self) -> Memory {
        Memory::Pooled
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let (states, rest) = inputs.split_at(self.op.states);
        let sequences = &rest[..self.op.sequences];
        let steps = steps(sequences, self.op.length)?;
        if steps == 0 {
            let inputs: Vec<Array> = inputs.iter().map(|&input| input.clone()).collect();
            return self.op.evaluate(&inputs);
        }
        let more = match &self.before {
            Some(before) => {
                let captures = self.captures.iter().map(|&capture| inputs[capture]);
                before.run(cx, &sequences.iter().copied().chain(captures).collect::<Vec<_>>())?
            }
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
