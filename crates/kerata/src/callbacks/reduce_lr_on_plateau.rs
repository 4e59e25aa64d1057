//! `ReduceLROnPlateau`: lowers the learning rate when a metric no longer gets better.

use kerata_core::{Error, Result, Tree};

use super::monitor::Monitor;
use super::state::{optional, read_optional, read_size};
use super::{Callback, Mode, Training};

/// Lowers the learning rate when a metric has not become better for some epochs, as Keras's does. The rate of each epoch goes
/// into the logs as `learning_rate`.
#[derive(Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    cooldown_counter: usize,
    wait: usize,
}

impl ReduceLROnPlateau {
    /// A tenth of the rate after 10 epochs. Keras's default is `val_loss`.
    pub fn new(monitor: &str) -> Self {
        let mut monitor = Monitor::new(monitor);
        monitor.min_delta = 1e-4;
        Self { monitor, factor: 0.1, patience: 10, cooldown: 0, min_lr: 0.0, cooldown_counter: 0, wait: 0 }
    }

    /// Sets what the rate is multiplied by; 1 and more is [`ErrorKind::Usage`](kerata_core::ErrorKind::Usage) when the
    /// training begins.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how many epochs without improvement are waited for.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Sets which way the metric is better.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// Sets how much better a value must be to count.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta;
        self
    }

    /// Sets the epochs after a change in which nothing is counted.
    #[must_use]
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// Sets the lowest rate.
    #[must_use]
    pub fn min_lr(mut self, rate: f64) -> Self {
        self.min_lr = rate;
        self
    }

    /// Lowers the rate; says whether it was above the lowest one.
    fn reduce(&self, training: &mut Training<'_>) -> Result<bool> {
        let old = training.learning_rate()?;
        // The rate is a float32, and so is what Keras compares it with.
        if old <= f64::from(self.min_lr as f32) {
            return Ok(false);
        }
        training.set_learning_rate((old * self.factor).max(self.min_lr))?;
        Ok(true)
    }
}

impl Callback for ReduceLROnPlateau {
    fn name(&self) -> &str {
        "ReduceLROnPlateau"
    }

    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        if self.factor >= 1.0 {
            return Err(Error::usage(format!("the factor must be below 1, found {}", self.factor)));
        }
        self.monitor.best = None;
        self.cooldown_counter = 0;
        self.wait = 0;
        Ok(())
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let rate = training.learning_rate()?;
        training.logs_mut().insert("learning_rate".to_owned(), rate);
        let current = training.metric(&self.monitor.metric)?;
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.wait = 0;
        }
        if self.monitor.is_improvement(current, self.monitor.best)? {
            self.monitor.best = Some(current);
            self.wait = 0;
        } else if self.cooldown_counter == 0 {
            self.wait += 1;
            if self.wait >= self.patience && self.reduce(training)? {
                self.cooldown_counter = self.cooldown;
                self.wait = 0;
            }
        }
        Ok(())
    }

    fn state(&self) -> Tree {
        Tree::from([
            ("best", optional(self.monitor.best)),
            ("cooldown_counter", Tree::from(self.cooldown_counter)),
            ("wait", Tree::from(self.wait)),
        ])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        self.monitor.best = read_optional(state, "best")?;
        self.cooldown_counter = read_size(state, "cooldown_counter")?;
        self.wait = read_size(state, "wait")?;
        Ok(())
    }
}
