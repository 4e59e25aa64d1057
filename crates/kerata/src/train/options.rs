//! `FitOptions`: how to train.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kerata_core::Result;
use kerata_core::ops::Generator;

use super::{Arrays, Batch, Progress, ProgressBar};
use crate::callbacks::SaveCheckpoints;
use crate::checkpoint::{CheckpointManager, CheckpointOptions, Keep, SaveWhen};

/// Hears of each step of training.
pub type StepObserver = Arc<dyn Fn(&Progress<'_>) -> Result<()> + Send + Sync>;

/// How to train.
#[derive(Clone)]
#[non_exhaustive]
pub struct FitOptions {
    /// How often all samples are gone through.
    pub epochs: usize,
    /// Samples of one step; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Whether the samples are put into another order in each epoch.
    pub shuffle: bool,
    /// Where the order starts; with the number of the epoch it gives the order.
    pub seed: u64,
    /// Share of the samples, taken from the end, that is not trained on but evaluated after each epoch.
    pub validation_split: f64,
    /// Samples that are evaluated after each epoch; they go before the share.
    pub validation_data: Option<Batch>,
    /// After how many epochs there is an evaluation.
    pub validation_freq: usize,
    /// What the loss of each sample is multiplied by: one array for all targets, or one for each.
    pub sample_weight: Option<Arrays>,
    /// What the loss of the samples of a class is multiplied by.
    pub class_weight: BTreeMap<i64, f64>,
    /// Most steps of an epoch; the samples that are left come in no step of that epoch.
    pub steps_per_epoch: Option<usize>,
    /// Whose random numbers dropout, noise and augmentation draw; those that the model was set to when there is none.
    pub generator: Option<Generator>,
    /// Name of the engine.
    pub engine: String,
    /// Most threads that one step uses.
    pub threads: usize,
    /// Files to continue from.
    pub checkpoints: Option<Checkpoints>,
    /// Ends the training after the step in which it becomes true; checkpoints are saved then.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Hears of each step; an error ends the training.
    pub observer: Option<StepObserver>,
}

/// Files to continue from after an interruption. For more choices, give a
/// [`SaveCheckpoints`] as a callback.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checkpoints {
    /// The folder of `ckpt-<step>.keras`.
    pub folder: PathBuf,
    /// After how many steps one is written.
    pub every: u64,
    /// Which ones stay.
    pub keep: Keep,
    /// Whether to continue from the newest one, if there is one.
    pub resume: bool,
}

impl Checkpoints {
    /// A checkpoint in a folder after so many steps, the newest two kept.
    pub fn new(folder: impl Into<PathBuf>, every: u64) -> Self {
        Self { folder: folder.into(), every, keep: Keep::Last(2), resume: false }
    }

    /// Sets which ones stay.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Sets whether to continue from the newest one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// The callback that does it.
    pub fn callback(&self) -> Result<SaveCheckpoints> {
        let options =
            CheckpointOptions::new().save_when(SaveWhen::EverySteps(self.every)).keep(self.keep.clone());
        let manager = CheckpointManager::open(&self.folder, options)?;
        Ok(SaveCheckpoints::new(manager).resume(self.resume))
    }
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            seed: 0,
            validation_split: 0.0,
            validation_data: None,
            validation_freq: 1,
            sample_weight: None,
            class_weight: BTreeMap::new(),
            steps_per_epoch: None,
            generator: None,
            engine: "cpu".to_owned(),
            threads: 1,
            checkpoints: None,
            interrupt: None,
            observer: None,
        }
    }
}

impl FitOptions {
    /// Keras's defaults: one epoch, batches of 32, shuffled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how often all samples are gone through.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the samples of one step.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets whether the samples are put into another order in each epoch.
    #[must_use]
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets where the order starts.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the share of the samples that is evaluated after each epoch.
    #[must_use]
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// Sets samples that are evaluated after each epoch.
    #[must_use]
    pub fn validation_data(mut self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Self {
        self.validation_data = Some(Batch::new(x, y));
        self
    }

    /// Sets after how many epochs there is an evaluation.
    #[must_use]
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = epochs.max(1);
        self
    }

    /// Sets what the loss of each sample is multiplied by.
    #[must_use]
    pub fn sample_weight(mut self, weight: impl Into<Arrays>) -> Self {
        self.sample_weight = Some(weight.into());
        self
    }

    /// Sets what the loss of the samples of classes is multiplied by; 1 for the others.
    #[must_use]
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (i64, f64)>) -> Self {
        self.class_weight = weights.into_iter().collect();
        self
    }

    /// Sets the most steps of an epoch.
    #[must_use]
    pub fn steps_per_epoch(mut self, steps: usize) -> Self {
        self.steps_per_epoch = Some(steps);
        self
    }

    /// Sets whose random numbers are drawn: of Keras on TensorFlow or on JAX.
    #[must_use]
    pub fn generator(mut self, generator: Generator) -> Self {
        self.generator = Some(generator);
        self
    }

    /// Sets the engine.
    #[must_use]
    pub fn engine(mut self, name: impl Into<String>) -> Self {
        self.engine = name.into();
        self
    }

    /// Sets the most threads that one step uses.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the files to continue from.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Sets what ends the training after the step in which it becomes true. The training saves what it takes to continue, if
    /// it has checkpoints or a backup, and gives an error of kind [`Interrupted`](kerata_core::ErrorKind::Interrupted).
    #[must_use]
    pub fn interrupt(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Shows a bar as Keras's on the standard error stream, if that is a terminal.
    #[must_use]
    pub fn progress_bar(self) -> Self {
        let bar = ProgressBar::stderr();
        self.observer(move |progress| bar.show(progress))
    }

    /// Sets who hears of each step.
    #[must_use]
    pub fn observer(
        mut self,
        observer: impl Fn(&Progress<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}
