//! `Evaluator`: losses and metrics of samples that are not trained on.

use kerata_core::Result;
use kerata_core::array::Array;
use kerata_engine::{Session, SessionOptions, engine};
use kerata_nn::training::{self, Compiled, Feeds, StepGraph};
use kerata_nn::{Model, Registry};

use super::prepare::Prepare;
use super::samples::Samples;
use super::sums::Sums;
use super::{Batch, FitOptions};
use crate::callbacks::Logs;

/// Samples with what measures them.
pub(super) struct Evaluator {
    samples: Samples,
    batch_size: usize,
    graph: StepGraph,
    session: Box<dyn Session>,
}

impl Evaluator {
    /// Makes the evaluation of a model ready whose variables are found by path.
    pub fn new(
        model: &Model,
        compiled: &Compiled,
        samples: Samples,
        feeds: &Feeds,
        variable: &dyn Fn(&str) -> Result<Array>,
        options: &FitOptions,
    ) -> Result<Self> {
        let graph = training::evaluation(model, compiled, feeds)?;
        let session_options = SessionOptions::default().with_threads(options.threads);
        let session = engine(&options.engine)?.prepare(&graph.graph, variable, &session_options)?;
        Ok(Self { samples, batch_size: options.batch_size, graph, session })
    }

    /// Evaluates a compiled model once.
    pub fn of(model: &Model, all: &Batch, registry: &Registry, options: &FitOptions) -> Result<Logs> {
        model.check()?;
        let compiled = Compiled::of(model, registry)?;
        let prepared = Prepare::new(model, &compiled, &options.class_weight)?.prepare(all)?;
        let feeds = prepared.feeds();
        let samples = Samples::new(prepared.arrays)?;
        let variable = |path: &str| model.variable(path);
        let evaluator = Self::new(model, &compiled, samples, &feeds, &variable, options)?;
        evaluator.measure()
    }

    /// Takes new values of variables; those that cannot be found stay.
    pub fn take_variables(&mut self, variable: &dyn Fn(&str) -> Result<Array>) -> Result<()> {
        let mut values = Vec::new();
        for (path, _, _) in self.graph.graph.variables() {
            if let Ok(value) = variable(path) {
                values.push((path.to_owned(), value));
            }
        }
        self.session.set_variables(values)
    }

    /// Number of batches.
    pub fn batches(&self) -> usize {
        self.samples.len().div_ceil(self.batch_size)
    }

    /// Adds what is measured of a batch.
    pub fn measure_batch(&self, number: usize, sums: &mut Sums) -> Result<()> {
        let start = number * self.batch_size;
        let rows: Vec<usize> = (start..self.samples.len().min(start + self.batch_size)).collect();
        let outputs = self.session.run(&self.samples.batch(&rows)?)?;
        sums.add(&self.graph, &outputs, rows.len())
    }

    /// The losses and metrics so far.
    pub fn means(&self, sums: &Sums) -> Logs {
        sums.means(&self.graph)
    }

    fn measure(&self) -> Result<Logs> {
        let mut sums = Sums::default();
        for number in 0..self.batches() {
            self.measure_batch(number, &mut sums)?;
        }
        Ok(self.means(&sums))
    }
}
