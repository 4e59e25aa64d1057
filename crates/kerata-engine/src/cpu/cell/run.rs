//! Running a cell, step after step.

use super::{Cell, Part, Place, State, Work};
use crate::cpu::kernels::isa::Isa;
use crate::cpu::kernels::memory::Lines;
use crate::cpu::kernels::patches::Rows;
use crate::cpu::kernels::product::{Finish, Place as Target, product};
use crate::cpu::program::Scratch;
use crate::cpu::workers::Workers;

/// Floats that a program works on together.
const BLOCK: usize = 2048;

/// A step's element of a sequence, for all rows.
#[derive(Clone, Copy)]
pub(in crate::cpu) enum Element<'a> {
    /// Rows of floats.
    Floats(&'a [f32]),
    /// One bool a row.
    Mask(&'a [u8]),
    /// The body does not look at it.
    Nothing,
}

/// What the steps of some rows share.
pub(in crate::cpu) struct Memory {
    rows: usize,
    states: Vec<Lines>,
    /// Where new states are put while the old ones are still read.
    next: Vec<Lines>,
    registers: Vec<Lines>,
    scratch: Scratch,
}

impl Memory {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows of a state.
    pub fn state(&self, at: usize) -> &[f32] {
        &self.states[at]
    }

    /// The rows of a state, to be set before the first step.
    pub fn state_mut(&mut self, at: usize) -> &mut [f32] {
        &mut self.states[at]
    }
}

impl Cell {
    /// Memory for so many rows; the states are to be set.
    pub fn memory(&self, rows: usize) -> Memory {
        let width = |state: &State| match state {
            State::Rows(width, _) => *width,
            State::Counter(_) => 0,
        };
        let states = || self.states.iter().map(|state| Lines::zeros(rows * width(state))).collect();
        let registers = self.registers.iter().map(|width| Lines::zeros(rows * width)).collect();
        Memory { rows, states: states(), next: states(), registers, scratch: Scratch::default() }
    }

    /// Computes one step: its results can be read then.
    pub fn step(&self, isa: Isa, workers: &Workers, memory: &mut Memory, elements: &[Element]) {
        for work in &self.work {
            let to = work.register();
            let mut target = std::mem::take(&mut memory.registers[to]);
            let mut scratch = std::mem::take(&mut memory.scratch);
            let view = View { cell: self, memory, elements };
            match work {
                Work::Product { left, right, bias, .. } => {
                    let (data, stride) = view.whole(left.place);
                    let rows = Rows::Matrix { data, start: left.offset, stride, depth: left.width };
                    let finish = Finish { bias: bias.as_deref(), ..Finish::default() };
                    let place = Target { start: 0, stride: right.columns() };
                    product(workers, &rows, view.memory.rows, right, &mut target, place, finish);
                }
                Work::Program { program, inputs, .. } => {
                    let width = self.registers[to];
                    // Rows that lie behind each other in all inputs are taken together.
                    let together = if inputs.iter().all(|part| view.is_whole(part)) {
                        (BLOCK / width).max(1)
                    } else {
                        1
                    };
                    for (block, target) in target.chunks_mut(together * width).enumerate() {
                        let mut few = [&[][..]; 8];
                        let many;
                        let read = |part: &Part| view.rows(part, block * together, target.len() / width);
                        let slices = if inputs.len() <= few.len() {
                            few.iter_mut().zip(inputs).for_each(|(slice, part)| *slice = read(part));
                            &few[..inputs.len()]
                        } else {
                            many = inputs.iter().map(read).collect::<Vec<_>>();
                            &many[..]
                        };
                        program.run(isa, slices, width, target, &mut scratch);
                    }
                }
                Work::Select { mask, on, off, .. } => {
                    let Element::Mask(mask) = elements[*mask] else { continue };
                    let rows = target.chunks_exact_mut(self.registers[to]).zip(mask);
                    for (row, (target, &is_on)) in rows.enumerate() {
                        target.copy_from_slice(view.rows(if is_on != 0 { on } else { off }, row, 1));
                    }
                }
            }
            memory.scratch = scratch;
            memory.registers[to] = target;
        }
    }

    /// Writes the rows of a result of the step.
    pub fn result(&self, memory: &Memory, elements: &[Element], at: usize, out: &mut [f32]) {
        View { cell: self, memory, elements }.copy(&self.results[at], out);
    }

    /// Ends a step: what is new becomes the state.
    pub fn carry(&self, memory: &mut Memory, elements: &[Element]) {
        for (at, state) in self.states.iter().enumerate() {
            let State::Rows(_, part) = state else { continue };
            let mut next = std::mem::take(&mut memory.next[at]);
            View { cell: self, memory, elements }.copy(part, &mut next);
            memory.next[at] = next;
        }
        std::mem::swap(&mut memory.states, &mut memory.next);
    }
}

impl Work {
    fn register(&self) -> usize {
        match self {
            Work::Product { to, .. } | Work::Program { to, .. } | Work::Select { to, .. } => *to,
        }
    }
}

/// All that a step can read.
struct View<'a> {
    cell: &'a Cell,
    memory: &'a Memory,
    elements: &'a [Element<'a>],
}

impl<'a> View<'a> {
    /// The floats of a place, and the step from one row to the next.
    fn whole(&self, place: Place) -> (&'a [f32], usize) {
        let data: &[f32] = match place {
            Place::State(at) => &self.memory.states[at],
            Place::Register(at) => &self.memory.registers[at],
            Place::Constant(at) => &self.cell.constants[at],
            Place::Element(at) => match self.elements[at] {
                Element::Floats(data) => data,
                _ => &[],
            },
        };
        (data, self.cell.full_width(place).unwrap_or(0))
    }

    /// Whether the rows of a part lie behind each other.
    fn is_whole(&self, part: &Part) -> bool {
        self.cell.full_width(part.place) == Some(part.width)
    }

    /// Rows of a part that lie behind each other; of others, one row.
    fn rows(&self, part: &Part, first: usize, count: usize) -> &'a [f32] {
        let (data, stride) = self.whole(part.place);
        &data[first * stride + part.offset..][..count * part.width]
    }

    fn copy(&self, part: &Part, out: &mut [f32]) {
        if self.is_whole(part) {
            return out.copy_from_slice(self.rows(part, 0, self.memory.rows));
        }
        for (row, out) in out.chunks_exact_mut(part.width).enumerate() {
            out.copy_from_slice(self.rows(part, row, 1));
        }
    }
}
