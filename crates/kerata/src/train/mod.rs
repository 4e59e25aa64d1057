//! `fit`: trains a compiled model on arrays, as Keras's `fit` does.

mod checkpoint;
mod samples;
mod trainer;

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Result};
use kerata_nn::Registry;

use crate::callbacks::{Callback, CallbackList};
use trainer::Trainer;

/// Hears of each step of training.
pub type StepObserver = Arc<dyn Fn(&Progress) -> Result<()> + Send + Sync>;

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
    /// Name of the engine.
    pub engine: String,
    /// Most threads that one step uses.
    pub threads: usize,
    /// Files to continue from.
    pub checkpoints: Option<Checkpoints>,
    /// Hears of each step; an error ends the training.
    pub observer: Option<StepObserver>,
}

/// Files to continue from after an interruption.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checkpoints {
    /// The folder of `ckpt-<step>.keras`.
    pub folder: PathBuf,
    /// After how many steps one is written.
    pub every: u64,
    /// Whether to continue from the newest one, if there is one.
    pub resume: bool,
}

impl Checkpoints {
    /// A checkpoint in a folder after so many steps.
    pub fn new(folder: impl Into<PathBuf>, every: u64) -> Self {
        Self { folder: folder.into(), every, resume: false }
    }

    /// Sets whether to continue from the newest one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }
}

/// How far the training is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// The epoch, from 0 on.
    pub epoch: usize,
    /// The mean loss of the epoch so far.
    pub loss: f64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            seed: 0,
            validation_split: 0.0,
            engine: "cpu".to_owned(),
            threads: 1,
            checkpoints: None,
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

    /// Sets who hears of each step.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&Progress) -> Result<()> + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}

/// Arrays by name, or in order under names such as `in_0`.
pub type Named = IndexMap<String, Array>;

/// A trained model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fitted {
    /// The model with its new weights and optimizer state.
    pub artifact: Artifact,
    /// Losses and metrics by name, a value for each epoch.
    pub history: IndexMap<String, Vec<f64>>,
    /// Metrics of the compile config that are not known, and were not measured.
    pub left_out: Vec<String>,
}

/// Trains a model by its compile config, from its stored optimizer state on; an optimizer that is not built is built.
///
/// `x` holds the inputs by name, or as `in_0`, ...; `y` the targets by name of the output, or as `out_0`, ... A single
/// array may have any name.
pub fn fit(
    artifact: &Artifact,
    x: &Named,
    y: &Named,
    registry: &Registry,
    options: &FitOptions,
) -> Result<Fitted> {
    fit_with(artifact, x, y, registry, options, Vec::new())
}

/// [`fit`] with callbacks, in the order in which they hear of each moment.
///
/// A callback that is asked something afterwards is lent: `vec![Box::new(&mut stopping)]`.
pub fn fit_with<'a>(
    artifact: &Artifact,
    x: &Named,
    y: &Named,
    registry: &Registry,
    options: &'a FitOptions,
    callbacks: Vec<Box<dyn Callback + 'a>>,
) -> Result<Fitted> {
    Trainer::new(artifact, x, y, registry, options, CallbackList::new(callbacks))?.run()
}
