//! `TensorBoard`: losses and metrics as event files that TensorBoard shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kerata_core::{Result, ResultExt};

use super::event_file::EventFile;
use super::model_checkpoint::SaveFreq;
use super::{Callback, Training};
use crate::checkpoint::Clock;

/// Writes losses, metrics and the learning rate into `<log_dir>/train` and `<log_dir>/validation`, under the names that
/// Keras's callback gives them: `epoch_loss`, `batch_loss`, `evaluation_loss_vs_iterations`.
pub struct TensorBoard {
    log_dir: PathBuf,
    update_freq: SaveFreq,
    clock: Clock,
    train: Option<EventFile>,
    validation: Option<EventFile>,
}

impl TensorBoard {
    /// Logs the end of each epoch into a folder; Keras's default is `logs`.
    pub fn new(log_dir: impl Into<PathBuf>) -> Self {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            log_dir: log_dir.into(),
            update_freq: SaveFreq::Epoch,
            clock: Arc::new(clock),
            train: None,
            validation: None,
        }
    }

    /// Sets after how many batches their means are logged too.
    #[must_use]
    pub fn update_freq(mut self, update_freq: SaveFreq) -> Self {
        self.update_freq = update_freq;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn write(&mut self, is_validation: bool, scalars: &[(String, f64)], step: u64) -> Result<()> {
        let (place, name) = match is_validation {
            true => (&mut self.validation, "validation"),
            false => (&mut self.train, "train"),
        };
        let folder = self.log_dir.join(name);
        let now = (self.clock)();
        let mut write = || {
            let file = match place {
                Some(file) => file,
                None => place.insert(EventFile::create(&folder, now)?),
            };
            for (tag, value) in scalars {
                file.scalar(tag, *value, step, now)?;
            }
            file.flush()
        };
        write().at(|| folder.display().to_string())
    }
}

impl Callback for TensorBoard {
    fn name(&self) -> &str {
        "TensorBoard"
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let SaveFreq::Batches(every) = self.update_freq else { return Ok(()) };
        if !training.step().is_multiple_of(every.max(1) as u64) {
            return Ok(());
        }
        let scalars: Vec<_> =
            training.logs().iter().map(|(name, value)| (format!("batch_{name}"), *value)).collect();
        self.write(false, &scalars, training.step())
    }

    fn on_test_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let scalar = |(name, value): (&String, &f64)| (format!("evaluation_{name}_vs_iterations"), *value);
        let scalars: Vec<_> = training.logs().iter().map(scalar).collect();
        self.write(true, &scalars, training.step())
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let mut train = Vec::new();
        let mut validation = Vec::new();
        for (name, value) in training.logs() {
            match name.strip_prefix("val_") {
                Some(name) => validation.push((format!("epoch_{name}"), *value)),
                None => train.push((format!("epoch_{name}"), *value)),
            }
        }
        if !train.iter().any(|(name, _)| name == "epoch_learning_rate") {
            // A schedule has no one rate.
            train.extend(training.learning_rate().ok().map(|rate| ("epoch_learning_rate".to_owned(), rate)));
        }
        let epoch = training.epoch() as u64;
        self.write(false, &train, epoch)?;
        if validation.is_empty() { Ok(()) } else { self.write(true, &validation, epoch) }
    }

    fn on_train_end(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.train = None;
        self.validation = None;
        Ok(())
    }
}
