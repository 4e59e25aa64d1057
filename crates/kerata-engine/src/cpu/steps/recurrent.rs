//! Loops of recurrent layers: a cell goes through the sequences in place, rows of the batch apart from each other.

use std::sync::OnceLock;

use kerata_core::ops::Scan;
use kerata_core::{Array, DType, Error, Result, TensorSpec};

use super::Kernel;
use super::scan::{Parts, even, steps};
use crate::cpu::cell::{Cell, Element, Memory, State};
use crate::cpu::context::Context;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::plan::Plan;
use crate::cpu::workers::Workers;

/// Floats that are computed ahead of the steps that read them: they are still in the second-level cache then.
const AHEAD: usize = 96 * 1024;
/// Most steps whose values are computed ahead: the product of more rows is no faster, and they take memory.
const STEPS_AHEAD: usize = 32;
/// Floats that a step of some rows touches.
const ROWS: usize = 96 * 1024;

/// A loop whose body is a cell.
pub(super) struct Recurrent {
    cell: Cell,
    before: Option<Plan>,
    sequences: usize,
    length: Option<u64>,
    is_reversed: bool,
}

impl Recurrent {
    /// The step of a scan whose body is a cell.
    pub fn new(op: &Scan, before: Option<Plan>, cell: Cell) -> Recurrent {
        let (sequences, length) = (op.sequences, op.length);
        Recurrent { cell, before, sequences, length, is_reversed: op.reverse }
    }

    /// Rows of the batch, if all inputs that have rows agree.
    fn rows(&self, states: &[&Array], sequences: &[&Array]) -> Result<usize> {
        let of_states = states.iter().zip(self.cell.states()).filter_map(|(state, kind)| match kind {
            State::Rows(..) => Some(state.shape()[0]),
            State::Counter(_) => None,
        });
        let of_sequences = sequences.iter().filter(|sequence| sequence.rank() > 1).map(|s| s.shape()[1]);
        let mut all = of_states.chain(of_sequences);
        let rows = all.next().ok_or_else(|| Error::mismatch("a loop without rows"))?;
        match all.find(|&other| other != rows) {
            Some(other) => {
                Err(Error::mismatch(format!("states and sequences of batches of {rows} and {other}")))
            }
            None => Ok(rows),
        }
    }

    /// Goes through the sequences with rows `from..to`: last states, then results.
    fn run_rows(
        &self,
        cx: &Context,
        states: &[&Array],
        sequences: &[&Array],
        steps: usize,
        (from, to): (usize, usize),
    ) -> Result<Vec<Array>> {
        let count = to - from;
        let mut memory = self.cell.memory(count);
        for (at, (state, kind)) in states.iter().zip(self.cell.states()).enumerate() {
            if let State::Rows(width, _) = kind {
                let rows = &state.as_f32()?[from * width..to * width];
                memory.state_mut(at).copy_from_slice(rows);
            }
        }
        let widths: Vec<usize> = self.cell.result_widths().collect();
        let first = states.len();
        let mut results: Vec<Vec<f32>> =
            widths.iter().enumerate().map(|(at, width)| cx.take(first + at, steps * count * width)).collect();
        // The steps of the body have no use for what is planned for states.
        let planned = cx.plan(Vec::new());
        let ahead = self.cell.element_width(self.sequences) * count;
        let block = match self.before {
            Some(_) => even(steps.max(1), (AHEAD / ahead.max(1)).min(STEPS_AHEAD)),
            None => steps.max(1),
        };
        let blocks = steps.div_ceil(block);
        for index in 0..blocks {
            let index = if self.is_reversed { blocks - 1 - index } else { index };
            let (first, end) = (index * block, (index * block + block).min(steps));
            let more = match &self.before {
                Some(before) => {
                    let parts = sequences
                        .iter()
                        .map(|&sequence| part(cx, sequence, (first, end), (from, to)))
                        .collect::<Result<Vec<_>>>()?;
                    let more = before.run(cx, &parts.iter().collect::<Vec<_>>())?;
                    parts.into_iter().for_each(|part| cx.pool.recycle(part));
                    more
                }
                None => Vec::new(),
            };
            let mut elements = Vec::with_capacity(sequences.len() + more.len());
            for step in first..end {
                let at = if self.is_reversed { first + end - 1 - step } else { step };
                elements.clear();
                for sequence in sequences {
                    elements.push(element(sequence, at, (from, to))?);
                }
                for sequence in &more {
                    elements.push(element(sequence, at - first, (0, count))?);
                }
                self.step(cx, &mut memory, &elements, at, &widths, &mut results);
            }
            drop(elements);
            more.into_iter().for_each(|array| cx.pool.recycle(array));
        }
        cx.plan(planned);
        let mut outputs = Vec::with_capacity(states.len() + results.len());
        for (at, (state, kind)) in states.iter().zip(self.cell.states()).enumerate() {
            outputs.push(match kind {
                State::Rows(width, _) => cx.float_for(at, vec![count, *width], |out| {
                    out.copy_from_slice(memory.state(at));
                    Ok(())
                })?,
                State::Counter(growth) => counted(state, *growth, steps)?,
            });
        }
        for (width, result) in widths.into_iter().zip(results) {
            outputs.push(Array::from_front([steps, count, width], result)?);
        }
        Ok(outputs)
    }

    fn step(
        &self,
        cx: &Context,
        memory: &mut Memory,
        elements: &[Element],
        at: usize,
        widths: &[usize],
        results: &mut [Vec<f32>],
    ) {
        let count = memory.rows();
        self.cell.step(cx.isa, cx.workers, memory, elements);
        for (result, (out, width)) in results.iter_mut().zip(widths).enumerate() {
            let out = &mut out[at * count * width..][..count * width];
            self.cell.result(memory, elements, result, out);
        }
        self.cell.carry(memory, elements);
    }
}

/// The cell of a scan, when its body is one and each element has rows.
pub(super) fn cell(op: &Scan, parts: &Parts, isa: Isa) -> Option<Cell> {
    let elements = &op.body.inputs[op.states..op.states + op.sequences];
    let has_rows = |spec: &TensorSpec| match spec.dtype {
        DType::Float32 => spec.rank() > 1,
        dtype => dtype == DType::Bool && spec.rank() > 0,
    };
    let fits = elements.iter().all(|&element| op.body.spec(element).is_ok_and(has_rows));
    if fits && parts.captures.is_empty() { Cell::new(&parts.body, op.states, isa) } else { None }
}

impl Kernel for Recurrent {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn reads(&self, input: usize) -> bool {
        // Captures are constants that the cell has taken in.
        input < self.cell.states().len() + self.sequences
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let (states, rest) = inputs.split_at(self.cell.states().len());
        let sequences = &rest[..self.sequences];
        let steps = steps(sequences, self.length)?;
        let rows = self.rows(states, sequences)?;
        // Whole tiles of rows for each thread, few enough to stay in cache.
        let most = (ROWS / self.cell.row_width().max(1)).max(12).next_multiple_of(12);
        let tasks = rows.div_ceil(most).max(cx.workers.threads().min(rows)).max(1);
        if tasks == 1 || steps == 0 {
            return self.run_rows(cx, states, sequences, steps, (0, rows));
        }
        let alone = Workers::single();
        let made: Vec<OnceLock<Result<Vec<Array>>>> = (0..tasks).map(|_| OnceLock::new()).collect();
        cx.workers.each(tasks, &|task| {
            let cx = Context::new(cx.isa, &alone, cx.pool);
            let range = (rows * task / tasks, rows * (task + 1) / tasks);
            let _ = made[task].set(self.run_rows(&cx, states, sequences, steps, range));
        });
        let made = made
            .into_iter()
            .map(|cell| cell.into_inner().unwrap_or_else(|| Err(Error::internal("rows were not run"))))
            .collect::<Result<Vec<_>>>()?;
        let count = made.first().map_or(0, Vec::len);
        (0..count)
            .map(|at| match self.cell.states().get(at) {
                Some(State::Counter(_)) => Ok(made[0][at].clone()),
                kind => {
                    let parts: Vec<&Array> = made.iter().map(|part| &part[at]).collect();
                    Array::join(&parts, if kind.is_some() { 0 } else { 1 })
                }
            })
            .collect()
    }
}

/// Steps and rows of a sequence as a sequence of its own.
fn part(cx: &Context, sequence: &Array, steps: (usize, usize), rows: (usize, usize)) -> Result<Array> {
    let shape = sequence.shape();
    let is_whole = steps == (0, shape[0]) && rows.0 == 0 && shape.get(1).is_none_or(|&n| n == rows.1);
    if is_whole || sequence.dtype() != DType::Float32 || shape.len() < 2 {
        return Ok(sequence.clone());
    }
    let width: usize = shape[2..].iter().product();
    let count = rows.1 - rows.0;
    let data = sequence.as_f32()?;
    let made = [&[steps.1 - steps.0, count], &shape[2..]].concat();
    cx.float(made, |out| {
        for (out, step) in out.chunks_exact_mut((count * width).max(1)).zip(steps.0..steps.1) {
            out.copy_from_slice(&data[(step * shape[1] + rows.0) * width..][..count * width]);
        }
        Ok(())
    })
}

/// The element of a step, rows `from..to`.
fn element(sequence: &Array, at: usize, (from, to): (usize, usize)) -> Result<Element<'_>> {
    let [_, rows, rest @ ..] = sequence.shape() else { return Ok(Element::Nothing) };
    let width: usize = rest.iter().product();
    let (start, len) = ((at * rows + from) * width, (to - from) * width);
    Ok(match sequence.dtype() {
        DType::Float32 => Element::Floats(&sequence.as_f32()?[start..start + len]),
        DType::Bool => Element::Mask(&sequence.as_bools()?[start..start + len]),
        _ => Element::Nothing,
    })
}

/// A counter after so many steps.
fn counted(start: &Array, growth: i64, steps: usize) -> Result<Array> {
    let steps = i64::try_from(steps).map_err(|_| Error::limit("the number of steps"))?;
    let values = start.to_i64s()?.into_iter().map(|value| value.wrapping_add(growth.wrapping_mul(steps)));
    Array::from_vec(start.shape(), values.collect())?.cast(start.dtype())
}
