//! `Context`: what steps run with: the instruction set, the workers, and buffers that are used again.

use std::collections::HashMap;
use std::sync::Mutex;

use kerata_core::array::Elements;
use kerata_core::{Array, Result};

use super::kernels::isa::Isa;
use super::workers::Workers;

/// Buffers of one size that are kept.
const KEPT_OF_A_SIZE: usize = 32;
/// Runs after which sizes that nobody asked for are dropped.
const GENERATION: usize = 32;

/// What a step runs with.
pub struct Context<'a> {
    /// The instruction set.
    pub isa: Isa,
    /// The threads.
    pub workers: &'a Workers,
    /// Used buffers.
    pub pool: &'a Pool,
}

impl Context<'_> {
    /// A float array of a shape whose elements `fill` writes, all of them: they hold old values.
    pub fn float(&self, shape: Vec<usize>, fill: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<Array> {
        let mut elements = self.pool.take(shape.iter().product());
        fill(&mut elements)?;
        Array::from_f32(shape, elements)
    }
}

/// Float buffers between uses, by length: a session that runs the same shapes again asks the system for nothing.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: HashMap<usize, Kept>,
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
        let found = self.state.lock().ok().and_then(|mut state| {
            let run = state.runs;
            let kept = state.free.get_mut(&len)?;
            kept.last_run = run;
            kept.buffers.pop()
        });
        found.unwrap_or_else(|| vec![0.0; len])
    }

    /// Takes back an array's buffer, unless something else still holds it.
    pub fn recycle(&self, array: Array) {
        let Elements::Float32(buffer) = array.into_elements() else { return };
        if let Some(buffer) = buffer.try_into_vec() {
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

    /// Counts a run; sizes of shapes that are no longer run are given back to the system now and then.
    pub fn next_run(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.runs += 1;
            let run = state.runs;
            if run % GENERATION == 0 {
                state.free.retain(|_, kept| kept.last_run + GENERATION > run);
            }
        }
    }
}
