//! `Domain`: how the inputs of a fused program meet its output, as rows, and running the program over it.

use std::cell::RefCell;
use std::sync::Mutex;

use super::kernels::isa::Isa;
use super::kernels::memory::Lines;
use super::program::{Program, Scratch};
use super::workers::Workers;

/// Elements of a block: a few of them fit in the first-level cache.
const BLOCK: usize = 2048;
/// Elements that lie in a cache line.
const LINE: usize = 16;
/// Elements times instructions below which one thread does all.
const ALONE: usize = 16 * 1024;

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

    /// Runs the program into `outs`, over the workers. Where `over` has an input for a result, the result takes its place: the
    /// floats of the input are those that `outs` holds.
    pub fn run(
        &self,
        isa: Isa,
        workers: &Workers,
        program: &Program,
        outs: &mut [&mut [f32]],
        over: &[Option<usize>],
    ) {
        let total = outs.first().map_or(0, |out| out.len());
        if total == 0 {
            return;
        }
        let block = self.block(program, (BLOCK / program.results()).max(BLOCK / 4));
        let run = |start: usize, outs: &mut [&mut [f32]]| {
            let mut scratch = SCRATCH.take();
            self.run_range(isa, program, start, outs, block, over, &mut scratch);
            SCRATCH.set(scratch);
        };
        if total * program.instructions().len() < ALONE || workers.threads() == 1 {
            return run(0, outs);
        }
        // Blocks are grouped so that tasks are few, and cut where they are fewer than threads.
        let share = total.div_ceil(workers.threads() * 2);
        let row = if program.has_reductions() || self.width < share { self.width } else { LINE };
        let share = share.next_multiple_of(row.max(1));
        let chunk = if share > block { share.next_multiple_of(block) } else { share };
        let mut chunks: Vec<_> = outs.iter_mut().map(|out| out.chunks_mut(chunk)).collect();
        let tasks: Vec<Mutex<Vec<&mut [f32]>>> = (0..total.div_ceil(chunk))
            .map(|_| Mutex::new(chunks.iter_mut().filter_map(Iterator::next).collect()))
            .collect();
        workers.each(tasks.len(), &|task| {
            if let Ok(mut outs) = tasks[task].lock() {
                run(task * chunk, &mut outs);
            }
        });
    }

    /// Runs the program on whole rows in place: the first input is what `rows` holds.
    pub fn run_in_place(&self, isa: Isa, program: &Program, first_element: usize, rows: &mut [f32]) {
        let mut scratch = SCRATCH.take();
        let block = self.block(program, BLOCK);
        self.run_range(isa, program, first_element, &mut [rows], block, &[Some(0)], &mut scratch);
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
        outs: &mut [&mut [f32]],
        block: usize,
        over: &[Option<usize>],
        scratch: &mut Scratch,
    ) {
        let width = self.width;
        let total = outs.first().map_or(0, |out| out.len());
        let mut stretched = std::mem::take(&mut scratch.stretched);
        stretched.resize_with(self.inputs.len().max(stretched.len()), Lines::default);
        let mut held = std::mem::take(&mut scratch.held);
        held.resize_with(outs.len().max(held.len()), Lines::default);
        let place = |input: usize| over.iter().position(|over| *over == Some(input));
        // Inputs that only follow the position in a row are stretched once for all blocks of whole rows.
        let mut is_laid = vec![false; self.inputs.len()];
        let mut done = 0;
        while done < total {
            let at = start + done;
            // A block ends with its row when it is shorter than one.
            let room = if block.is_multiple_of(width) { block } else { block.min(width - at % width) };
            let len = room.min(total - done);
            for ((out, held), _) in outs.iter().zip(&mut held).zip(over).filter(|(_, over)| over.is_some()) {
                held.resize(len);
                held.copy_from_slice(&out[done..done + len]);
            }
            for (i, input) in self.inputs.iter().enumerate() {
                if place(i).is_some() || is_laid[i] || self.direct(input, at, len).is_some() {
                    continue;
                }
                let lines = &mut stretched[i];
                let is_number = input.steps.iter().all(|&step| step == 0);
                let periodic = input.steps[..self.sizes.len()].iter().all(|&step| step == 0);
                let once = is_number || (periodic && block.is_multiple_of(width));
                lines.resize(if once { block } else { len });
                self.stretch(input, at, lines);
                is_laid[i] = is_number || (once && at.is_multiple_of(width));
            }
            let slices: Vec<&[f32]> = self
                .inputs
                .iter()
                .enumerate()
                .map(|(i, input)| match place(i) {
                    Some(place) => &held[place][..len],
                    None => self.direct(input, at, len).unwrap_or_else(|| &stretched[i][..len]),
                })
                .collect();
            let mut pieces: Vec<&mut [f32]> = outs.iter_mut().map(|out| &mut out[done..done + len]).collect();
            let width = if program.has_reductions() { width } else { len };
            program.run_all(isa, &slices, width, &mut pieces, scratch);
            done += len;
        }
        scratch.stretched = stretched;
        scratch.held = held;
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
