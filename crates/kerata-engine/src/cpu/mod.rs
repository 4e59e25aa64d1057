//! The CPU engine: graphs rewritten, fused and packed at `prepare`, then run by kernels of its own.
//!
//! Results have the same bits for every number of threads, every split of the batch and every instruction set: each
//! sum's order follows from the shape of one sample alone.

pub mod kernels;

mod batch;
mod cell;
mod context;
mod domain;
mod hoist;
mod merge;
mod plan;
mod program;
mod recompute;
mod reshapes;
mod rewrite;
mod session;
mod steps;
mod weights;
mod workers;

use std::time::Duration;

use kerata_core::graph::Graph;
use kerata_core::{Array, Result};

use crate::{Engine, Session, SessionOptions};
use kernels::isa::Isa;

/// The CPU engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    isa: Option<Isa>,
}

impl Cpu {
    /// The engine with the best instruction set of the machine.
    pub const fn new() -> Cpu {
        Cpu { isa: None }
    }

    /// The engine bound to one instruction set, for tests and comparisons.
    pub const fn with_isa(isa: Isa) -> Cpu {
        Cpu { isa: Some(isa) }
    }

    /// The kernels that a graph becomes, in order: to see what was fused.
    ///
    /// # Errors
    /// As [`Engine::prepare`].
    pub fn explain(&self, graph: &Graph, variables: &dyn Fn(&str) -> Result<Array>) -> Result<Vec<String>> {
        let isa = self.isa.unwrap_or_else(Isa::best);
        let session = session::CpuSession::new(graph, variables, &SessionOptions::default(), isa)?;
        session.explain()
    }

    /// How long each step takes, on so many threads: beside one thread it shows which steps share their work.
    ///
    /// # Errors
    /// As [`Engine::prepare`] and [`Session::run`].
    pub fn profile(
        &self,
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &SessionOptions,
        inputs: &[Array],
        runs: usize,
    ) -> Result<Vec<StepTime>> {
        let isa = self.isa.unwrap_or_else(Isa::best);
        session::CpuSession::new(graph, variables, options, isa)?.profile(inputs, runs)
    }
}

/// How long one step of a graph takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepTime {
    /// The kernel that it became.
    pub kernel: String,
    /// Where it came from in the graph.
    pub name: String,
    /// Wall time of the fastest of several runs.
    pub time: Duration,
}

impl Engine for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn prepare(
        &self,
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>> {
        let isa = self.isa.unwrap_or_else(Isa::best);
        Ok(Box::new(session::CpuSession::new(graph, variables, options, isa)?))
    }
}
