//! `Training`: what a callback sees of a training and may change in it.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Result, Role, Tree};

use super::Callback;
use super::list::Others;

/// Losses and metrics by name.
pub type Logs = IndexMap<String, f64>;

/// A training at one moment.
pub struct Training<'a> {
    host: &'a mut dyn Host,
    logs: &'a mut Logs,
    batch: usize,
    others: Others<'a>,
}

impl<'a> Training<'a> {
    pub(super) fn new(host: &'a mut dyn Host, logs: &'a mut Logs, batch: usize, others: Others<'a>) -> Self {
        Self { host, logs, batch, others }
    }

    /// Ends the training after this step (with its epoch), or after this epoch.
    pub fn stop(&mut self) {
        self.host.stop();
    }

    /// Sets the learning rate. A schedule in the optimizer is [`ErrorKind::Usage`](kerata_core::ErrorKind::Usage).
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.host.set_learning_rate(rate)
    }

    /// Gives variables other values, by path: `layers/dense/vars/0`, `optimizer/vars/2`.
    pub fn set_variables(&mut self, values: Vec<(String, Array)>) -> Result<()> {
        self.host.set_variables(values)
    }

    /// The losses and metrics, to change or add to.
    pub fn logs_mut(&mut self) -> &mut Logs {
        self.logs
    }

    /// The losses and metrics of this moment.
    pub fn logs(&self) -> &Logs {
        self.logs
    }

    /// One of the logs; a name that is not there is an error that lists those that are.
    pub fn metric(&self, name: &str) -> Result<f64> {
        self.logs.get(name).copied().ok_or_else(|| no_metric(name, self.logs))
    }

    /// The epoch, from 0 on.
    pub fn epoch(&self) -> usize {
        self.host.epoch()
    }

    /// The epoch that the training ends before.
    pub fn epochs(&self) -> usize {
        self.host.epochs()
    }

    /// The batch in its epoch or evaluation, from 0 on.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Steps done in all.
    pub fn step(&self) -> u64 {
        self.host.step()
    }

    /// Whether the last step that was done was the last one of its epoch, and the epoch is closed.
    pub fn is_epoch_closed(&self) -> bool {
        self.host.is_epoch_closed()
    }

    /// Whether the training will end after this epoch.
    pub fn is_stopping(&self) -> bool {
        self.host.is_stopping()
    }

    /// The learning rate; a schedule in the optimizer is [`ErrorKind::Usage`](kerata_core::ErrorKind::Usage).
    pub fn learning_rate(&self) -> Result<f64> {
        self.host.learning_rate()
    }

    /// The present weights by path.
    pub fn weights(&self) -> Result<Vec<(String, Array)>> {
        self.host.weights()
    }

    /// The present value of a variable of the model or the optimizer.
    pub fn variable(&self, path: &str) -> Result<Array> {
        self.host.variable(path)
    }

    /// Weights that the optimizer averages, each with the path of its average.
    pub fn averages(&self) -> Result<Vec<(String, String)>> {
        self.host.averages()
    }

    /// The model as it is now, with its optimizer. Tensors are shared with the training, not copied.
    pub fn model(&self) -> Result<Artifact> {
        self.host.model()
    }

    /// The model with all it takes to continue: position, seeds, history, states of the callbacks, of which `asking` is the
    /// one that asks. See [`Callback::on_settled`].
    pub fn checkpoint(&self, asking: &dyn Callback) -> Result<Artifact> {
        let (states, tensors) = self.others.states(asking)?;
        let mut artifact = self.host.checkpoint(states)?;
        for (path, tensor) in tensors {
            artifact.variables.insert(path, tensor.to_variable()?.with_role(Role::State))?;
        }
        Ok(artifact)
    }
}

/// The error of a metric that is not there.
pub(crate) fn no_metric(name: &str, logs: &Logs) -> Error {
    let known: Vec<&str> = logs.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "there are none yet".to_owned() } else { known.join(", ") };
    Error::not_found(format!("there is no metric `{name}`")).hint(format!("metrics are: {known}"))
}

/// What runs a training for its callbacks.
pub(crate) trait Host {
    fn epoch(&self) -> usize;
    fn epochs(&self) -> usize;
    fn step(&self) -> u64;
    fn is_epoch_closed(&self) -> bool;
    fn is_stopping(&self) -> bool;
    fn stop(&mut self);
    fn learning_rate(&self) -> Result<f64>;
    fn set_learning_rate(&mut self, rate: f64) -> Result<()>;
    fn weights(&self) -> Result<Vec<(String, Array)>>;
    fn variable(&self, path: &str) -> Result<Array>;
    fn set_variables(&mut self, values: Vec<(String, Array)>) -> Result<()>;
    fn averages(&self) -> Result<Vec<(String, String)>>;
    fn model(&self) -> Result<Artifact>;
    /// The model with its position and these states of callbacks.
    fn checkpoint(&self, callbacks: Tree) -> Result<Artifact>;
}
