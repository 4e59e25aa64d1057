//! `ModelCheckpoint`: saves the model at the end of epochs, or after so many batches.

use std::fs;
use std::path::{Path, PathBuf};

use kerata_core::{Error, Result, ResultExt, Tree};

use super::monitor::Monitor;
use super::state::{optional, read_optional, read_size};
use super::{Callback, Mode, Training, template};
use crate::SaveOptions;
use crate::finite::require_finite;

/// How often something is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFreq {
    /// At the end of each epoch.
    #[default]
    Epoch,
    /// After so many batches, counted across epochs.
    Batches(usize),
    /// Only when the training is interrupted.
    Never,
}

/// Saves the model as Keras's does: same parameters, same file names. Each file is published whole.
///
/// Its state is part of checkpoints, so that a training that is continued still knows its best value.
#[derive(Debug)]
pub struct ModelCheckpoint {
    filepath: String,
    monitor: Monitor,
    initial_value_threshold: Option<f64>,
    save_best_only: bool,
    save_weights_only: bool,
    save_freq: SaveFreq,
    survives_failures: bool,
    allow_nan: bool,
    batches_since: usize,
    saved: Vec<PathBuf>,
    failures: Vec<Error>,
}

impl ModelCheckpoint {
    /// Saves at the end of each epoch. The path may have places for `epoch`, `batch` (both from 1 on) and the logs:
    /// `{epoch:02d}-{val_loss:.2f}.keras`.
    pub fn new(filepath: impl Into<String>) -> Self {
        Self {
            filepath: filepath.into(),
            monitor: Monitor::new("val_loss"),
            initial_value_threshold: None,
            save_best_only: false,
            save_weights_only: false,
            save_freq: SaveFreq::Epoch,
            survives_failures: false,
            allow_nan: false,
            batches_since: 0,
            saved: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Sets the metric that says which model is the best; `val_loss` when it is not set.
    #[must_use]
    pub fn monitor(mut self, metric: &str) -> Self {
        metric.clone_into(&mut self.monitor.metric);
        self
    }

    /// Sets which way the metric is better.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// Sets whether only models that are better than all before are saved.
    #[must_use]
    pub fn save_best_only(mut self, save_best_only: bool) -> Self {
        self.save_best_only = save_best_only;
        self
    }

    /// Sets whether weights and optimizer are saved without the model; the path ends in `.weights.h5` then.
    #[must_use]
    pub fn save_weights_only(mut self, save_weights_only: bool) -> Self {
        self.save_weights_only = save_weights_only;
        self
    }

    /// Sets how often it is saved.
    #[must_use]
    pub fn save_freq(mut self, save_freq: SaveFreq) -> Self {
        self.save_freq = save_freq;
        self
    }

    /// Sets the value that the first one must be better than.
    #[must_use]
    pub fn initial_value_threshold(mut self, value: f64) -> Self {
        self.initial_value_threshold = Some(value);
        self.monitor.best = Some(value);
        self
    }

    /// Sets whether weights with NaN or infinity are saved; else the save fails and the file before stays.
    #[must_use]
    pub fn allow_nan(mut self, allow_nan: bool) -> Self {
        self.allow_nan = allow_nan;
        self
    }

    /// Sets whether the training goes on when a save fails; see [`failures`](Self::failures).
    #[must_use]
    pub fn survive_failures(mut self, survives: bool) -> Self {
        self.survives_failures = survives;
        self
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    /// The files that were written, in order.
    pub fn saved(&self) -> &[PathBuf] {
        &self.saved
    }

    /// The saves that failed and were survived.
    pub fn failures(&self) -> &[Error] {
        &self.failures
    }

    fn check_path(&self) -> Result<()> {
        let endings: &[&str] = if self.save_weights_only { &[".weights.h5"] } else { &[".keras", ".h5"] };
        if endings.iter().any(|ending| self.filepath.ends_with(ending)) {
            return Ok(());
        }
        let message = format!("the path must end in {}: {}", endings.join(" or "), self.filepath);
        Err(Error::usage(message))
    }

    fn save(&mut self, training: &mut Training<'_>, batch: Option<u64>) -> Result<()> {
        let epoch = training.epoch() as u64 + 1;
        let path = PathBuf::from(template::fill(&self.filepath, epoch, batch, training.logs())?);
        let mut best = self.monitor.best;
        if self.save_best_only {
            let current = training.metric(&self.monitor.metric)?;
            if !self.monitor.is_improvement(current, best)? {
                return Ok(());
            }
            best = Some(current);
        }
        let model = training.model()?;
        let sound = if self.allow_nan { Ok(()) } else { require_finite(&model) };
        let written = sound
            .and_then(|()| make_folder(&path))
            .and_then(|()| crate::save(&model, &path, &SaveOptions::new().overwrite(true)).map(drop));
        match written {
            Err(error) if self.survives_failures => self.failures.push(error),
            written => {
                written?;
                self.monitor.best = best;
                self.saved.push(path);
            }
        }
        Ok(())
    }
}

fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(folder)
        .map_err(|error| Error::io("make the folder", &error))
        .at(|| folder.display().to_string())
}

impl Callback for ModelCheckpoint {
    fn name(&self) -> &str {
        "ModelCheckpoint"
    }

    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.check_path()?;
        if self.save_best_only {
            self.monitor.mode.is_max(&self.monitor.metric)?;
        }
        Ok(())
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let SaveFreq::Batches(every) = self.save_freq else { return Ok(()) };
        self.batches_since += 1;
        if self.batches_since < every {
            return Ok(());
        }
        self.batches_since = 0;
        let batch = training.batch() as u64 + 1;
        self.save(training, Some(batch))
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        match self.save_freq {
            SaveFreq::Epoch => self.save(training, None),
            _ => Ok(()),
        }
    }

    fn state(&self) -> Tree {
        Tree::from([("best", optional(self.monitor.best)), ("batches_since", Tree::from(self.batches_since))])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        self.monitor.best = read_optional(state, "best")?.or(self.initial_value_threshold);
        self.batches_since = read_size(state, "batches_since")?;
        Ok(())
    }
}
