//! `Context`: what steps run with: the instruction set, the workers, and buffers that are used again.

use std::collections::HashMap;
use std::sync::Mutex;

use kerata_core::array::Elements;
use kerata_core::{Array, Result};

use super::kernels::isa::Isa;
use super::kernels::memory::fresh;
use super::workers::Workers;

/// Buffers of one size that are kept.
const KEPT_OF_A_SIZE: usize = 32;
/// Runs after which sizes that nobody asked for are dropped.
const GENERATION: usize = 32;
/// A set of buffers serves plans that need at least this share of it.
const MOST_WASTE: usize = 2;

/// Buffers for the outputs of a step, by output; none where the plan has none, or where it is taken.
pub type Planned = Vec<Option<Vec<f32>>>;

/// What a step runs with.
pub struct Context<'a> {
    /// The instruction set.
    pub isa: Isa,
    /// The threads.
    pub workers: &'a Workers,
    /// Used buffers.
    pub pool: &'a Pool,
    /// The buffers that the plan has for the outputs of the step.
    planned: Mutex<Planned>,
}

impl<'a> Context<'a> {
    /// What steps run with.
    pub fn new(isa: Isa, workers: &'a Workers, pool: &'a Pool) -> Context<'a> {
        Context { isa, workers, pool, planned: Mutex::default() }
    }

    /// Puts buffers ready for the outputs of the next step, and takes back those that the last one did not use. A step that
    /// runs steps of its own takes its buffers first.
    pub fn plan(&self, buffers: Planned) -> Planned {
        match self.planned.lock() {
            Ok(mut planned) => std::mem::replace(&mut *planned, buffers),
            Err(_) => Planned::new(),
        }
    }

    /// A float array of a shape whose elements `fill` writes, all of them: they hold old values. It is not called when
    /// there are none. It is the first output of a step, or no output.
    pub fn float(&self, shape: Vec<usize>, fill: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<Array> {
        self.float_for(0, shape, fill)
    }

    /// The same for any output of a step.
    pub fn float_for(
        &self,
        output: usize,
        shape: Vec<usize>,
        fill: impl FnOnce(&mut [f32]) -> Result<()>,
    ) -> Result<Array> {
        let len = shape.iter().product();
        if len == 0 {
            return Array::from_f32(shape, Vec::new());
        }
        let mut elements = self.take(output, len);
        fill(&mut elements[..len])?;
        Array::from_front(shape, elements)
    }

    /// A buffer of at least `len` floats with any content for an output: that of the plan, if it has one.
    pub fn take(&self, output: usize, len: usize) -> Vec<f32> {
        let planned =
            self.planned.lock().ok().and_then(|mut planned| take_planned(&mut planned, output, len));
        planned.unwrap_or_else(|| self.pool.take(len))
    }
}

/// The buffer for an output, if there is one that is long enough.
pub fn take_planned(planned: &mut Planned, output: usize, len: usize) -> Option<Vec<f32>> {
    planned.get_mut(output)?.take_if(|buffer| buffer.len() >= len)
}

/// Float buffers between uses, by length: a session that runs the same shapes again asks the system for nothing.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: HashMap<usize, Kept>,
    /// Buffers of whole plans, largest first.
    sets: Vec<Vec<Vec<f32>>>,
    /// Sets in use now, and the most at one time of late.
    in_use: usize,
    most_in_use: usize,
    runs: usize,
}

#[derive(Default)]
struct Kept {
    buffers: Vec<Vec<f32>>,
    last_run: usize,
}

impl Pool {
    /// A buffer of this length with any content.
    pub fn take(&self, len: usize) -> Vec<f32> {
        self.find(len).unwrap_or_else(|| fresh(len))
    }

    /// Takes back an array's buffer, unless something else still holds it.
    pub fn recycle(&self, array: Array) {
        if let Some(buffer) = buffer(array) {
            self.give(buffer);
        }
    }

    /// Takes back a buffer.
    pub fn give(&self, buffer: Vec<f32>) {
        if let Ok(mut state) = self.state.lock() {
            let run = state.runs;
            let kept = state.free.entry(buffer.len()).or_default();
            kept.last_run = run;
            if kept.buffers.len() < KEPT_OF_A_SIZE {
                kept.buffers.push(buffer);
            }
        }
    }

    /// The buffers of a plan, of at least these sizes, which fall; those that are missing are empty.
    pub fn take_set(&self, sizes: &[usize]) -> Vec<Vec<f32>> {
        let kept = self.state.lock().ok().and_then(|mut state| {
            state.in_use += 1;
            state.most_in_use = state.most_in_use.max(state.in_use);
            state.sets.pop()
        });
        let mut set = kept.unwrap_or_default();
        let (held, needed) = (set.iter().map(Vec::len).sum::<usize>(), sizes.iter().sum::<usize>());
        if held > needed.saturating_mul(MOST_WASTE) {
            set.clear();
        }
        set.resize_with(sizes.len(), Vec::new);
        for (buffer, size) in set.iter_mut().zip(sizes) {
            if buffer.len() < *size {
                *buffer = Vec::new();
            }
        }
        set
    }

    /// Takes back the buffers of a plan.
    pub fn give_set(&self, set: Vec<Vec<f32>>) {
        if let Ok(mut state) = self.state.lock() {
            state.in_use = state.in_use.saturating_sub(1);
            state.sets.push(set);
        }
    }

    /// Counts a run; sizes of shapes that are no longer run are given back to the system now and then.
    pub fn next_run(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.runs += 1;
            let run = state.runs;
            if run % GENERATION == 0 {
                state.free.retain(|_, kept| kept.last_run + GENERATION > run);
                let most = state.most_in_use.saturating_sub(state.in_use);
                state.sets.truncate(most);
                state.most_in_use = state.in_use;
            }
        }
    }

    /// Gives all that is kept back to the system.
    pub fn clear(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.free.clear();
            state.sets.clear();
        }
    }

    fn find(&self, len: usize) -> Option<Vec<f32>> {
        let mut state = self.state.lock().ok()?;
        let run = state.runs;
        let kept = state.free.get_mut(&len)?;
        kept.last_run = run;
        kept.buffers.pop()
    }
}

/// The buffer of an array that nothing else holds.
pub fn buffer(array: Array) -> Option<Vec<f32>> {
    match array.into_elements() {
        Elements::Float32(buffer) => buffer.try_into_vec(),
        _ => None,
    }
}
