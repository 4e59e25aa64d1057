//! `Domain`: how the inputs of a fused program meet its output, as rows, and running the program over it.

use std::cell::RefCell;

use super::kernels::isa::Isa;
use super::kernels::memory::{Lines, each_chunk};
use super::program::{Program, Scratch};
use super::workers::Workers;

/// Elements of a block: a few of them fit in the first-level cache.
const BLOCK: usize = 2048;
/// Elements below which one thread does all.
const ALONE: usize = 32 * 1024;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// An input: its floats, and its step along each merged axis (zero where it is stretched).
struct Input<'a> {
    data: &'a [f32],
    steps: Vec<usize>,
}

/// Rows of `width` elements over merged axes, and where each input lies on them.
pub struct Domain<'a> {
    sizes: Vec<usize>,
    width: usize,
    inputs: Vec<Input<'a>>,
}

impl<'a> Domain<'a> {
    /// The domain of an output shape and inputs that broadcast to it. With `whole_rows`, the width is the last axis.
    pub fn new(shape: &[usize], inputs: &[(&'a [f32], &[usize])], whole_rows: bool) -> Domain<'a> {
        let rank = shape.len();
        if !whole_rows && inputs.iter().all(|(_, own)| *own == shape) {
            let inputs = inputs.iter().map(|(data, _)| Input { data, steps: vec![1] }).collect();
            return Domain { sizes: Vec::new(), width: shape.iter().product(), inputs };
        }
        // Steps of each input on each axis of the output.
        let steps: Vec<Vec<usize>> = inputs
            .iter()
            .map(|(_, own)| {
                let mut steps = vec![0; rank];
                let mut step = 1;
                for (axis, &size) in own.iter().enumerate().rev() {
                    let place = axis + rank - own.len();
                    if size != 1 {
                        steps[place] = step;
                    }
                    step *= size;
                }
                steps
            })
            .collect();
        let mut sizes: Vec<usize> = Vec::new();
        let mut merged: Vec<Vec<usize>> = vec![Vec::new(); inputs.len()];
        for axis in (0..rank).rev() {
            let size = shape[axis];
            if size == 1 && !(whole_rows && axis + 1 == rank) {
                continue;
            }
            // Built from the last axis backwards; reversed below.
            let is_alone = sizes.is_empty() || (whole_rows && sizes.len() == 1);
            let joins = !is_alone
                && steps.iter().zip(&merged).all(|(steps, merged)| {
                    let (inner, inner_size) = (merged[merged.len() - 1], sizes[sizes.len() - 1]);
                    steps[axis] == inner * inner_size
                });
            if joins {
                *sizes.last_mut().expect("checked above") *= size;
            } else {
                sizes.push(size);
                for (steps, merged) in steps.iter().zip(&mut merged) {
                    merged.push(steps[axis]);
                }
            }
        }
        if sizes.is_empty() {
            sizes.push(1);
            merged.iter_mut().for_each(|merged| merged.push(0));
        }
        sizes.reverse();
        let inputs = inputs
            .iter()
            .zip(merged)
            .map(|((data, _), mut steps)| {
                steps.reverse();
                Input { data, steps }
            })
            .collect();
        let width = sizes.pop().expect("at least one axis");
        Domain { sizes, width, inputs }
    }

    /// Runs the program into `out`, over the workers.
    pub fn run(&self, isa: Isa, workers: &Workers, program: &Program, out: &mut [f32]) {
        let total = out.len();
        if total == 0 {
            return;
        }
        let block = self.block(program, BLOCK);
        let alone = Workers::single();
        let (workers, chunk) = if total < ALONE || workers.threads() == 1 {
            (&alone, total)
        } else {
            // Blocks are grouped so that tasks are few.
            (workers, (total / (workers.threads() * 4)).next_multiple_of(block).max(block))
        };
        each_chunk(workers, out, chunk, &|task, chunk_out| {
            let mut scratch = SCRATCH.take();
            let start = task * chunk;
            self.run_range(isa, program, start, chunk_out, block, None, &mut scratch);
            SCRATCH.set(scratch);
        });
    }

    /// Runs the program on whole rows in place: the first input is what `rows` holds.
    pub fn run_in_place(&self, isa: Isa, program: &Program, first_element: usize, rows: &mut [f32]) {
        let mut scratch = SCRATCH.take();
        let mut held = std::mem::take(&mut scratch.held);
        let block = self.block(program, BLOCK);
        self.run_range(isa, program, first_element, rows, block, Some(&mut held), &mut scratch);
        scratch.held = held;
        SCRATCH.set(scratch);
    }

    fn block(&self, program: &Program, aim: usize) -> usize {
        let width = self.width.max(1);
        if program.has_reductions() || width < aim { (aim / width).max(1) * width } else { aim }
    }

    #[allow(clippy::too_many_arguments)]
    fn run_range(
        &self,
        isa: Isa,
        program: &Program,
        start: usize,
        out: &mut [f32],
        block: usize,
        mut held: Option<&mut Lines>,
        scratch: &mut Scratch,
    ) {
        let width = self.width;
        let mut stretched = std::mem::take(&mut scratch.stretched);
        stretched.resize_with(self.inputs.len().max(stretched.len()), Lines::default);
        // Inputs that only follow the position in a row are stretched once for all blocks of whole rows.
        let mut is_laid = vec![false; self.inputs.len()];
        let mut done = 0;
        while done < out.len() {
            let at = start + done;
            // A block ends with its row when it is shorter than one.
            let room = if block.is_multiple_of(width) { block } else { block.min(width - at % width) };
            let len = room.min(out.len() - done);
            let piece = &mut out[done..done + len];
            if let Some(held) = held.as_deref_mut() {
                held.resize(len);
                held.copy_from_slice(piece);
            }
            for (i, input) in self.inputs.iter().enumerate() {
                if (held.is_some() && i == 0) || is_laid[i] || self.direct(input, at, len).is_some() {
                    continue;
                }
                let lines = &mut stretched[i];
                let periodic = input.steps[..self.sizes.len()].iter().all(|&step| step == 0);
                let fill = if periodic && block.is_multiple_of(width) { block } else { len };
                lines.resize(fill);
                self.stretch(input, at, lines);
                is_laid[i] = periodic && block.is_multiple_of(width) && at.is_multiple_of(width);
            }
            let slices: Vec<&[f32]> = self
                .inputs
                .iter()
                .enumerate()
                .map(|(i, input)| match &held {
                    Some(held) if i == 0 => &held[..],
                    _ => self.direct(input, at, len).unwrap_or_else(|| &stretched[i][..len]),
                })
                .collect();
            program.run(isa, &slices, if program.has_reductions() { width } else { len }, piece, scratch);
            done += len;
        }
        scratch.stretched = stretched;
    }

    /// The input's own floats, when `len` elements from `at` lie there as they are.
    fn direct(&self, input: &Input<'a>, at: usize, len: usize) -> Option<&'a [f32]> {
        let last = self.sizes.len();
        let width = self.width;
        if input.steps[last] != 1 && width > 1 {
            return None;
        }
        let mut full = width;
        let mut is_full = true;
        for axis in (0..last).rev() {
            is_full &= input.steps[axis] == full;
            full *= self.sizes[axis];
        }
        if is_full {
            return Some(&input.data[at..at + len]);
        }
        if at % width + len <= width {
            let from = self.row_offset(input, at / width) + at % width;
            return Some(&input.data[from..from + len]);
        }
        None
    }

    fn row_offset(&self, input: &Input, mut row: usize) -> usize {
        let mut offset = 0;
        for axis in (0..self.sizes.len()).rev() {
            offset += row % self.sizes[axis] * input.steps[axis];
            row /= self.sizes[axis];
        }
        offset
    }

    fn stretch(&self, input: &Input, at: usize, out: &mut [f32]) {
        let width = self.width;
        let step = input.steps[self.sizes.len()];
        let rows: usize = self.sizes.iter().product();
        let mut done = 0;
        while done < out.len() {
            // Blocks that are stretched once may be longer than what is left of the domain.
            let row = (at + done) / width % rows.max(1);
            let column = (at + done) % width;
            let len = (width - column).min(out.len() - done);
            let from = self.row_offset(input, row) + column * step;
            let to = &mut out[done..done + len];
            if step == 0 {
                to.fill(input.data[from]);
            } else {
                to.copy_from_slice(&input.data[from..from + len]);
            }
            done += len;
        }
    }
}
