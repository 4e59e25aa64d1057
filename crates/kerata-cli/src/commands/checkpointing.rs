//! Checkpoints of `kerata train`: its options, and what an interrupted training leaves.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kerata::callbacks::{Callback, OnFailure, SaveCheckpoints, Training};
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Keep, Moment, SaveWhen};
use kerata_core::{Error, Result, Tree};

#[derive(Args)]
pub struct Checkpointing {
    /// Folder of checkpoints `ckpt-<step>.keras`.
    #[arg(long, value_name = "DIR", requires = "checkpoint_every")]
    checkpoint_dir: Option<PathBuf>,
    /// Write a checkpoint after so many steps.
    #[arg(long, value_name = "STEPS", requires = "checkpoint_dir", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
    /// Keep the newest N checkpoints [default: 2].
    #[arg(long, value_name = "N", requires = "checkpoint_dir", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Keep the best N checkpoints too.
    #[arg(long, value_name = "N", requires = "checkpoint_dir", value_parser = clap::value_parser!(u32).range(1..))]
    keep_best: Option<u32>,
    /// The metric that says which checkpoints are the best [default: val_loss with a validation, else loss].
    #[arg(long, value_name = "METRIC", requires = "keep_best")]
    monitor: Option<String>,
    /// What happens when a checkpoint cannot be saved.
    #[arg(long, value_enum, default_value_t, requires = "checkpoint_dir")]
    on_failed_save: OnFailedSave,
    /// Continue from the newest checkpoint, if there is one.
    #[arg(long, requires = "checkpoint_dir")]
    resume: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum OnFailedSave {
    /// The training ends with the error.
    #[default]
    Stop,
    /// The training goes on, and says so at its end.
    GoOn,
}

/// What saves checkpoints in a training.
pub enum Saver {
    /// As the options say.
    Steps(Box<SaveCheckpoints>),
    /// Only when the training is interrupted.
    Interrupted(InterruptedSaver),
}

impl Checkpointing {
    /// The callback for a training whose model will be saved at `out`.
    pub fn saver(&self, out: &Path, has_validation: bool, allow_nan: bool) -> Result<Saver> {
        let (Some(folder), Some(every)) = (&self.checkpoint_dir, self.checkpoint_every) else {
            let stem = out.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let folder = out.with_file_name(format!("{stem}-checkpoints"));
            return Ok(Saver::Interrupted(InterruptedSaver { folder }));
        };
        let mut keep = vec![Keep::Last(self.keep.unwrap_or(2) as usize)];
        if let Some(count) = self.keep_best {
            let default = if has_validation { "val_loss" } else { "loss" };
            keep.push(Keep::best(count as usize, self.monitor.as_deref().unwrap_or(default)));
        }
        let options = CheckpointOptions::new()
            .save_when(SaveWhen::EverySteps(every))
            .keep(Keep::Any(keep))
            .allow_nan(allow_nan);
        let on_failure = match self.on_failed_save {
            OnFailedSave::Stop => OnFailure::Stop,
            OnFailedSave::GoOn => OnFailure::GoOn,
        };
        let manager = CheckpointManager::open(folder, options)?;
        let saver = SaveCheckpoints::new(manager).resume(self.resume).on_failure(on_failure);
        Ok(Saver::Steps(Box::new(saver)))
    }

    /// What an interrupted training says.
    pub fn interrupted(&self, error: Error, saver: &Saver) -> Error {
        match (&self.checkpoint_dir, saver) {
            (_, Saver::Interrupted(saver)) => {
                let folder = saver.folder.display();
                error.hint(format!(
                    "to continue: the same command with --checkpoint-dir {folder} --checkpoint-every N --resume"
                ))
            }
            _ if self.resume => error.hint("a checkpoint was saved; to continue: the same command again"),
            _ => error.hint("a checkpoint was saved; to continue: the same command with --resume"),
        }
    }
}

impl Saver {
    /// As a callback of a training.
    pub fn callback(&mut self) -> Box<dyn Callback + '_> {
        match self {
            Self::Steps(saver) => Box::new(&mut **saver),
            Self::Interrupted(saver) => Box::new(saver),
        }
    }

    /// What is to be said at the end: key of the JSON object, and lines.
    pub fn notes(&self) -> Vec<(&'static str, Vec<String>)> {
        let Self::Steps(saver) = self else { return Vec::new() };
        let failures = saver.failures().iter().map(|error| error.to_string().replace("\n ", ";")).collect();
        let all = [("failed_saves", failures), ("notes", saver.notes().to_vec())];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }

    /// The same as JSON.
    pub fn json(&self) -> Vec<(String, Tree)> {
        self.notes().into_iter().map(|(key, lines)| (key.to_owned(), Tree::from(lines))).collect()
    }
}

/// Saves nothing until the training is interrupted.
pub struct InterruptedSaver {
    folder: PathBuf,
}

impl Callback for InterruptedSaver {
    fn name(&self) -> &str {
        "InterruptedSaver"
    }

    fn on_interrupt(&mut self, training: &mut Training<'_>) -> Result<()> {
        let mut manager = CheckpointManager::open(&self.folder, CheckpointOptions::new().foreground())?;
        let moment = Moment::new(training.step(), training.epoch() as u64).metrics(training.logs().clone());
        manager.save(&training.checkpoint(self)?, &moment).map(drop)
    }
}
