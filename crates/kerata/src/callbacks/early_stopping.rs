//! `EarlyStopping`: ends a training that no longer gets better.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Result, Tree};

use super::monitor::Monitor;
use super::state::{optional, read_optional, read_size};
use super::{Callback, Mode, Training};

/// Ends the training when a metric has not become better for some epochs, as Keras's does.
#[derive(Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    stopped_epoch: Option<usize>,
    best_epoch: usize,
    best_weights: Option<Vec<(String, Array)>>,
}

impl EarlyStopping {
    /// Ends at the first epoch whose metric is not better. Keras's default is `val_loss`.
    pub fn new(monitor: &str) -> Self {
        Self {
            monitor: Monitor::new(monitor),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            stopped_epoch: None,
            best_epoch: 0,
            best_weights: None,
        }
    }

    /// Sets how many epochs without improvement are waited for.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Sets how much better a value must be to count.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta;
        self
    }

    /// Sets which way the metric is better.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// Sets the value that must be passed before waiting starts anew.
    #[must_use]
    pub fn baseline(mut self, value: f64) -> Self {
        self.baseline = Some(value);
        self
    }

    /// Sets whether the model gets the weights of its best epoch at the end.
    #[must_use]
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    /// Sets the first epoch (from 0 on) that is looked at.
    #[must_use]
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// The epoch (from 0 on) that the training was ended at, if it was.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The best epoch, from 0 on.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &str {
        "EarlyStopping"
    }

    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.wait = 0;
        self.stopped_epoch = None;
        self.monitor.best = None;
        self.best_weights = None;
        self.best_epoch = 0;
        Ok(())
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let current = training.metric(&self.monitor.metric)?;
        let epoch = training.epoch();
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.best_weights.is_none() {
            self.best_weights = Some(training.weights()?);
            self.best_epoch = epoch;
        }
        self.wait += 1;
        if self.monitor.is_improvement(current, self.monitor.best)? {
            self.monitor.best = Some(current);
            self.best_epoch = epoch;
            if self.restore_best_weights {
                self.best_weights = Some(training.weights()?);
            }
            if self.baseline.is_none() || self.monitor.is_improvement(current, self.baseline)? {
                self.wait = 0;
            }
        } else if self.wait >= self.patience && epoch > 0 {
            self.stopped_epoch = Some(epoch);
            training.stop();
        }
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        match self.best_weights.take() {
            Some(weights) => training.set_variables(weights),
            None => Ok(()),
        }
    }

    fn state(&self) -> Tree {
        Tree::from([
            ("wait", Tree::from(self.wait)),
            ("best", optional(self.monitor.best)),
            ("best_epoch", Tree::from(self.best_epoch)),
            ("stopped_epoch", self.stopped_epoch.map_or(Tree::Null, Tree::from)),
        ])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        self.wait = read_size(state, "wait")?;
        self.monitor.best = read_optional(state, "best")?;
        self.best_epoch = read_size(state, "best_epoch")?;
        self.stopped_epoch = match state.get("stopped_epoch") {
            None | Some(Tree::Null) => None,
            Some(_) => Some(read_size(state, "stopped_epoch")?),
        };
        Ok(())
    }

    fn tensors(&self) -> Vec<(String, Array)> {
        self.best_weights.clone().unwrap_or_default()
    }

    fn restore_tensors(&mut self, tensors: IndexMap<String, Array>) -> Result<()> {
        if self.restore_best_weights {
            self.best_weights = Some(tensors.into_iter().collect());
        }
        Ok(())
    }
}
