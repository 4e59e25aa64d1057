//! `Evaluator`: losses and metrics of samples that are not trained on.

use kerata_core::Result;
use kerata_core::array::Array;
use kerata_engine::{Session, SessionOptions, engine};
use kerata_nn::training::{self, Compiled, Feeds, StepGraph};
use kerata_nn::{Model, Registry};

use super::measures::{measured, reset, start};
use super::prepare::Prepare;
use super::samples::Samples;
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
        let value = |path: &str| start(&graph, path).unwrap_or_else(|| variable(path));
        let session = engine(&options.engine)?.prepare(&graph.graph, &value, &session_options)?;
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
        let mut evaluator = Self::new(model, &compiled, samples, &feeds, &variable, options)?;
        evaluator.measure()
    }

    /// Takes new values of variables, those that cannot be found stay, and starts to measure anew.
    pub fn start(&mut self, variable: &dyn Fn(&str) -> Result<Array>) -> Result<()> {
        let mut values = Vec::new();
        for (path, _, _) in self.graph.graph.variables() {
            if let Ok(value) = variable(path) {
                values.push((path.to_owned(), value));
            }
        }
        self.session.set_variables(values)?;
        reset(&self.graph, self.session.as_mut())
    }

    /// Number of batches.
    pub fn batches(&self) -> usize {
        self.samples.len().div_ceil(self.batch_size)
    }

    /// Measures a batch.
    pub fn take(&mut self, number: usize) -> Result<()> {
        let start = number * self.batch_size;
        let rows: Vec<usize> = (start..self.samples.len().min(start + self.batch_size)).collect();
        let (_, updates) = self.session.run_with_updates(&self.samples.batch(&rows)?)?;
        self.session.set_variables(updates)
    }

    /// The losses and metrics so far.
    pub fn logs(&self) -> Result<Logs> {
        measured(&self.graph, self.session.as_ref())
    }

    fn measure(&mut self) -> Result<Logs> {
        for number in 0..self.batches() {
            self.take(number)?;
        }
        self.logs()
    }
}
