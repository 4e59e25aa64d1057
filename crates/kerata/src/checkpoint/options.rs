//! `CheckpointOptions`: what is saved, when, where from, and what stays.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kerata_core::{Error, Limits};

use super::{Contents, Keep, SaveWhen};
use crate::callbacks::Mode;

/// Tells the time since the start of 1970.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Hears of an error that nobody has asked for when the manager is dropped.
pub type ErrorHandler = Arc<dyn Fn(&Error) + Send + Sync>;

/// What a save does while the one before is still being written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackPressure {
    /// Waits for it. One copy of the state is held.
    #[default]
    Wait,
    /// Does nothing. One copy of the state is held.
    Skip,
    /// Takes the place of a step that is waiting. Two copies of the state are held.
    ReplacePending,
}

/// How a [`CheckpointManager`](super::CheckpointManager) works.
#[derive(Clone)]
#[non_exhaustive]
pub struct CheckpointOptions {
    /// At which moments a step is saved.
    pub save_when: SaveWhen,
    /// Which steps stay.
    pub keep: Keep,
    /// What a step holds.
    pub contents: Contents,
    /// Whether a thread writes, and what a save does when it is behind; `None` writes before `save` returns.
    pub background: Option<BackPressure>,
    /// Whether steps are saved whose weights or optimizer hold NaN or infinity; else such a save fails, and what is there
    /// stays.
    pub allow_nan: bool,
    /// Start of the names of files: `ckpt` for `ckpt-<step>.keras`.
    pub prefix: String,
    /// Bounds when files are read.
    pub limits: Limits,
    /// The clock.
    pub clock: Clock,
    /// Hears of errors when the manager is dropped before anybody asked; `None` writes them to standard error.
    pub error_handler: Option<ErrorHandler>,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            save_when: SaveWhen::Always,
            keep: Keep::All,
            contents: Contents::Everything,
            background: Some(BackPressure::Wait),
            allow_nan: false,
            prefix: "ckpt".to_owned(),
            limits: Limits::default(),
            clock: Arc::new(clock),
            error_handler: None,
        }
    }
}

impl CheckpointOptions {
    /// Whole models at every moment that is asked for, all kept, written by a thread that is waited for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets at which moments a step is saved.
    #[must_use]
    pub fn save_when(mut self, when: SaveWhen) -> Self {
        self.save_when = when;
        self
    }

    /// Sets which steps stay.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Sets what a step holds.
    #[must_use]
    pub fn contents(mut self, contents: Contents) -> Self {
        self.contents = contents;
        self
    }

    /// Sets what a save does while the one before is still being written by the thread.
    #[must_use]
    pub fn background(mut self, when_behind: BackPressure) -> Self {
        self.background = Some(when_behind);
        self
    }

    /// Writes before `save` returns.
    #[must_use]
    pub fn foreground(mut self) -> Self {
        self.background = None;
        self
    }

    /// Sets whether steps with NaN or infinity are saved.
    #[must_use]
    pub fn allow_nan(mut self, allow_nan: bool) -> Self {
        self.allow_nan = allow_nan;
        self
    }

    /// Sets the start of the names of files.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the bounds when files are read.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets who hears of errors when the manager is dropped before anybody asked.
    #[must_use]
    pub fn error_handler(mut self, handler: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.error_handler = Some(Arc::new(handler));
        self
    }

    /// The metrics that policies look at.
    pub(super) fn metrics(&self) -> Vec<(&str, Mode)> {
        let mut metrics = self.save_when.metrics();
        metrics.extend(self.keep.metrics());
        metrics
    }
}

impl fmt::Debug for CheckpointOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointOptions")
            .field("save_when", &self.save_when)
            .field("keep", &self.keep)
            .field("contents", &self.contents)
            .field("background", &self.background)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
