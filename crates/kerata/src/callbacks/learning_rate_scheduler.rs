//! `LearningRateScheduler`: sets the learning rate of each epoch.

use std::fmt;

use kerata_core::Result;

use super::{Callback, Training};

/// Sets the learning rate before each epoch to what a function of the epoch (from 0 on) and the present rate says. The rate
/// goes into the logs as `learning_rate`.
pub struct LearningRateScheduler<F> {
    schedule: F,
}

impl<F: FnMut(usize, f64) -> f64 + Send> LearningRateScheduler<F> {
    /// The rates that a function says.
    pub fn new(schedule: F) -> Self {
        Self { schedule }
    }
}

impl<F> fmt::Debug for LearningRateScheduler<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearningRateScheduler").finish_non_exhaustive()
    }
}

impl<F: FnMut(usize, f64) -> f64 + Send> Callback for LearningRateScheduler<F> {
    fn name(&self) -> &str {
        "LearningRateScheduler"
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        let rate = (self.schedule)(training.epoch(), training.learning_rate()?);
        training.set_learning_rate(rate)
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let rate = training.learning_rate()?;
        training.logs_mut().insert("learning_rate".to_owned(), rate);
        Ok(())
    }
}
