//! `BackupAndRestore`: keeps one backup of a training and continues from it.

use std::fs;
use std::io::ErrorKind as Os;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kerata_core::{Artifact, Error, ErrorKind, Limits, Result, ResultExt, Tree};
use kerata_store::local;

use super::model_checkpoint::SaveFreq;
use super::state::read_size;
use super::{Callback, Training};
use crate::SaveOptions;
use crate::checkpoint::{Contents, Moment, open, seal, unseal};

const WEIGHTS: &str = "latest.weights.h5";
const METADATA: &str = "training_metadata.json";

/// Keeps a backup of weights, optimizer and position in a folder, under Keras's names, and continues from it. Other than
/// Keras's it continues in the middle of an epoch, with the states of all callbacks, to the same bits.
#[derive(Debug)]
pub struct BackupAndRestore {
    backup_dir: PathBuf,
    save_freq: SaveFreq,
    double_checkpoint: bool,
    delete_checkpoint: bool,
    allow_nan: bool,
    batches_since: usize,
}

impl BackupAndRestore {
    /// A backup at the end of each epoch, removed when the training is done.
    pub fn new(backup_dir: impl Into<PathBuf>) -> Self {
        Self {
            backup_dir: backup_dir.into(),
            save_freq: SaveFreq::Epoch,
            double_checkpoint: false,
            delete_checkpoint: true,
            allow_nan: false,
            batches_since: 0,
        }
    }

    /// Sets how often it is saved.
    #[must_use]
    pub fn save_freq(mut self, save_freq: SaveFreq) -> Self {
        self.save_freq = save_freq;
        self
    }

    /// Sets whether the backup before is kept too (`.bkp`), and taken when the newest is damaged.
    #[must_use]
    pub fn double_checkpoint(mut self, double_checkpoint: bool) -> Self {
        self.double_checkpoint = double_checkpoint;
        self
    }

    /// Sets whether weights with NaN or infinity are backed up; else the training fails and the backup before stays.
    #[must_use]
    pub fn allow_nan(mut self, allow_nan: bool) -> Self {
        self.allow_nan = allow_nan;
        self
    }

    /// Sets whether the backup is removed when the training is done.
    #[must_use]
    pub fn delete_checkpoint(mut self, delete_checkpoint: bool) -> Self {
        self.delete_checkpoint = delete_checkpoint;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.backup_dir.join(name)
    }

    fn save(&self, training: &Training<'_>) -> Result<()> {
        let mut artifact = training.checkpoint(self)?;
        let epoch = training.epoch();
        let moment = Moment::new(training.step(), epoch as u64);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        seal(&mut artifact, WEIGHTS, Contents::WeightsAndOptimizer, &moment, now, self.allow_nan)?;
        let shown = || self.backup_dir.display().to_string();
        fs::create_dir_all(&self.backup_dir)
            .map_err(|error| Error::io("make the folder of the backup", &error))
            .at(shown)?;
        let (weights, metadata) = (self.path(WEIGHTS), self.path(METADATA));
        if self.double_checkpoint && weights.exists() {
            copy(&weights, &self.path("latest.weights.h5.bkp"))?;
            if metadata.exists() {
                copy(&metadata, &self.path("training_metadata.json.bkp"))?;
            }
        }
        crate::save(&artifact, &weights, &SaveOptions::new().overwrite(true))?;
        // For people and Keras only: what is continued from says its position itself.
        let batch = if training.is_epoch_closed() { 0 } else { training.batch() };
        let text = Tree::from([("epoch", Tree::from(epoch)), ("batch", Tree::from(batch))]).to_json();
        crate::save_with(&metadata, true, |sink| sink.write(text.as_bytes()))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from)
        .map_err(|error| Error::io("read the backup", &error))
        .at(|| from.display().to_string())?;
    crate::save_with(to, true, |sink| sink.write(&bytes))
}

fn read(path: &Path) -> Result<Artifact> {
    let mut artifact = open(WEIGHTS, local::open(path)?, &Limits::default())?;
    unseal(&mut artifact, None).at(|| path.display().to_string())?;
    Ok(artifact)
}

impl Callback for BackupAndRestore {
    fn name(&self) -> &str {
        "BackupAndRestore"
    }

    fn resume_from(&mut self) -> Result<Option<Artifact>> {
        match read(&self.path(WEIGHTS)) {
            Ok(artifact) => Ok(Some(artifact)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => match read(&self.path("latest.weights.h5.bkp")) {
                Ok(artifact) => Ok(Some(artifact)),
                Err(_) => Err(error),
            },
        }
    }

    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        let is_due = match self.save_freq {
            SaveFreq::Epoch => training.is_epoch_closed(),
            SaveFreq::Never => false,
            SaveFreq::Batches(every) => {
                self.batches_since += 1;
                self.batches_since >= every
            }
        };
        if is_due {
            self.batches_since = 0;
            self.save(training)?;
        }
        Ok(())
    }

    fn on_interrupt(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.save(training)
    }

    fn on_train_end(&mut self, _: &mut Training<'_>) -> Result<()> {
        if !self.delete_checkpoint {
            return Ok(());
        }
        for name in [WEIGHTS, METADATA, "latest.weights.h5.bkp", "training_metadata.json.bkp"] {
            match fs::remove_file(self.path(name)) {
                Err(error) if error.kind() != Os::NotFound => {
                    return Err(Error::io("remove the backup", &error));
                }
                _ => {}
            }
        }
        // What others have put there stays, and so does the folder then.
        let _ = fs::remove_dir(&self.backup_dir);
        Ok(())
    }

    fn state(&self) -> Tree {
        Tree::from([("batches_since", Tree::from(self.batches_since))])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        self.batches_since = read_size(state, "batches_since")?;
        Ok(())
    }
}
