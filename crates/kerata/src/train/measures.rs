//! What is measured of an epoch: it lives in variables of the session.

use kerata_core::Result;
use kerata_core::array::Array;
use kerata_engine::Session;
use kerata_nn::training::{MetricVariable, StepGraph};

use crate::callbacks::Logs;

/// The losses and metrics so far.
pub(super) fn measured(step: &StepGraph, session: &dyn Session) -> Result<Logs> {
    Ok(step.meter.read(&|path| session.variable(path))?.into_iter().collect())
}

/// The mean loss so far: a total over a count.
pub(super) fn mean_loss(step: &StepGraph, session: &dyn Session) -> Result<f64> {
    let number = |index: usize| match step.meter.variables.get(index) {
        Some(variable) => session.variable(&variable.path)?.to_f64(),
        None => Ok(0.0),
    };
    let (total, count) = (number(0)?, number(1)?);
    Ok(if count == 0.0 { 0.0 } else { total / count })
}

/// Starts all losses and metrics anew.
pub(super) fn reset(step: &StepGraph, session: &mut dyn Session) -> Result<()> {
    let zeros = step.meter.variables.iter().map(|variable| Ok((variable.path.clone(), variable.zero()?)));
    session.set_variables(zeros.collect::<Result<_>>()?)
}

/// The value that a variable of a metric starts with.
pub(super) fn start(step: &StepGraph, path: &str) -> Option<Result<Array>> {
    step.meter.variables.iter().find(|variable| variable.path == path).map(MetricVariable::zero)
}
