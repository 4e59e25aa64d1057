//! `Plan`: a graph as steps in order, and running them.

pub(super) mod assemble;
mod build;
pub(super) mod fuse;
mod join;
mod layout;
mod order;
mod over;
mod transposes;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use kerata_core::{Array, Error, Result, ResultExt, TensorSpec};

use super::context::Context;
use super::steps::Kernel;
pub(super) use fuse::is_stretched;
use layout::{Buffers, Layout};

/// Where a step reads a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A constant of the plan.
    Constant(usize),
    /// A value of the run.
    Slot(usize),
}

/// How a variable that is constant is read, given its path and spec.
pub(crate) type Read<'a> = dyn Fn(&str, &TensorSpec) -> Result<Array> + 'a;

/// Variables that are constant, but read only where they are packed.
pub(crate) struct Weights<'a> {
    pub paths: &'a HashSet<String>,
    pub read: &'a Read<'a>,
}

impl Weights<'_> {
    /// Whether a variable is among them.
    pub fn have(weights: Option<&Weights>, path: &str) -> bool {
        weights.is_some_and(|weights| weights.paths.contains(path))
    }
}

struct Step {
    name: String,
    kernel: Box<dyn Kernel>,
    inputs: Vec<Source>,
    outputs: Vec<usize>,
    /// Slots that nothing reads after this step, among them outputs that nothing reads at all.
    dead: Vec<usize>,
    /// Inputs whose memory outputs take, as places of both.
    over: Vec<(usize, usize)>,
}

/// A graph made ready: steps with their kernels, constants packed.
pub(crate) struct Plan {
    steps: Vec<Step>,
    constants: Vec<Array>,
    slots: usize,
    /// Stands for an input that a kernel does not look at.
    nothing: Array,
    inputs: Vec<usize>,
    results: Vec<Source>,
    /// Slots whose values come in memory of their own.
    own: Vec<bool>,
    /// Which values share a buffer; bodies of loops, which run often on little, do without.
    layout: Option<Layout>,
}

impl Plan {
    /// Runs the steps; `inputs` are the graph's inputs and then the values of variables that are not constant.
    pub fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        self.run_observed(cx, inputs.iter().map(|&input| input.clone()).collect(), None)
    }

    /// The same with inputs that the run may write over.
    pub fn run_on(&self, cx: &Context, inputs: Vec<Array>) -> Result<Vec<Array>> {
        self.run_observed(cx, inputs, None)
    }

    /// Runs the steps; `observe` is told of each step how long it took.
    pub fn run_observed(
        &self,
        cx: &Context,
        inputs: Vec<Array>,
        mut observe: Option<&mut dyn FnMut(usize, Duration)>,
    ) -> Result<Vec<Array>> {
        let mut slots: Vec<Option<Array>> = vec![None; self.slots];
        let places = self.layout.as_ref().and_then(|layout| layout.places(self, &inputs));
        for (&slot, input) in self.inputs.iter().zip(inputs) {
            slots[slot] = Some(input);
        }
        let mut buffers = Buffers::new(self, cx.pool, places);
        for (at, step) in self.steps.iter().enumerate() {
            let start = observe.is_some().then(Instant::now);
            let made = {
                let over = step.take_overs(&mut slots);
                let inputs = step.inputs.iter().enumerate().map(|(place, &source)| {
                    match over.iter().any(|over| over.input == place) {
                        true => Ok(&self.nothing),
                        false => self.read(&slots, source),
                    }
                });
                let inputs: Vec<&Array> = inputs.collect::<Result<_>>()?;
                cx.plan(buffers.of(step));
                let made = match over.is_empty() {
                    true => step.kernel.run(cx, &inputs),
                    false => step.kernel.run_over(cx, &inputs, over),
                };
                let made = made.at(|| step.name.as_str());
                buffers.put_back(step, cx.plan(Vec::new()));
                made?
            };
            if let (Some(observe), Some(start)) = (&mut observe, start) {
                observe(at, start.elapsed());
            }
            for (&slot, array) in step.outputs.iter().zip(made) {
                slots[slot] = Some(array);
            }
            for &slot in &step.dead {
                if let Some(array) = slots[slot].take() {
                    buffers.free(slot, array);
                }
            }
        }
        let results =
            self.results.iter().map(|&source| self.read(&slots, source).cloned()).collect::<Result<_>>()?;
        for (slot, array) in slots.into_iter().enumerate() {
            if let Some(array) = array {
                buffers.free(slot, array);
            }
        }
        Ok(results)
    }

    /// The names of the steps, in order: where each came from in the graph.
    pub fn names(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.name.as_str()).collect()
    }

    /// The names of the steps' kernels, in order: for tests and for looking at what was fused.
    pub fn kernels(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.kernel.name()).collect()
    }

    fn read<'a>(&'a self, slots: &'a [Option<Array>], source: Source) -> Result<&'a Array> {
        match source {
            Source::Constant(at) => Ok(&self.constants[at]),
            Source::Slot(at) => {
                slots[at].as_ref().ok_or_else(|| Error::internal(format!("slot {at} is empty")))
            }
        }
    }

    /// Fills in which slots die with each step.
    fn find_deaths(&mut self) {
        let mut last = vec![None; self.slots];
        for (at, step) in self.steps.iter().enumerate() {
            for &slot in &step.outputs {
                last[slot] = Some(at);
            }
            for source in &step.inputs {
                if let Source::Slot(slot) = *source {
                    last[slot] = Some(at);
                }
            }
        }
        for source in &self.results {
            if let Source::Slot(slot) = *source {
                last[slot] = None;
            }
        }
        for (slot, at) in last.into_iter().enumerate() {
            if let Some(at) = at {
                self.steps[at].dead.push(slot);
            }
        }
    }
}
