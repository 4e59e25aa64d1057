//! Training: what a compile config asks for, and one step of it as a graph.

mod compile;
mod compiled;
mod mean_loss;
mod meter;
mod step;

pub use compile::{Compile, LossOf, MetricOf};
pub use compiled::{Compiled, CompiledLoss, CompiledMeasure, CompiledMetric};
pub use mean_loss::MeanLoss;
pub use meter::{Meter, MetricVariable};
pub use step::{Feeds, StepGraph, evaluation, step, step_of_batch, trained};
