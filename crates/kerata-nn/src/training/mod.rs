//! Training: what a compile config asks for, and one step of it as a graph.

mod compiled;
mod step;

pub use compiled::{Compiled, CompiledLoss, CompiledMeasure, CompiledMetric};
pub use step::{Measured, StepGraph, evaluation, step, trained};
