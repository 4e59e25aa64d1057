//! Training: what a compile config asks for, and one step of it as a graph.

mod compile;
mod compiled;
mod step;

pub use compile::{Compile, LossOf, MetricOf};
pub use compiled::{Compiled, CompiledLoss, CompiledMeasure, CompiledMetric};
pub use step::{Feeds, Measured, StepGraph, evaluation, step, trained};
