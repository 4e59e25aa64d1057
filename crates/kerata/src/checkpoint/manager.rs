//! `CheckpointManager`: saves steps of a training into a folder and brings them back.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use kerata_core::{Artifact, Error, ErrorKind, Result, ResultExt};
use kerata_store::{LocalStorage, Storage};

use super::folder::StepFolder;
use super::keep::by_metric;
use super::transfer::{Transfer, TransferReport};
use super::writer::Writer;
use super::{CheckpointOptions, Moment, Restored, Skipped, StepInfo, Which};
use crate::callbacks::{Mode, no_metric};

/// The steps of a folder. One manager writes to a folder at a time; any number may read.
///
/// ```no_run
/// use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Keep, Moment, Which};
/// # fn main() -> kerata::core::Result<()> {
/// let model = kerata::open("model.keras", &Default::default())?;
/// let options = CheckpointOptions::new().keep(Keep::Any(vec![Keep::Last(3), Keep::best(1, "loss")]));
/// let mut manager = CheckpointManager::open("checkpoints", options)?;
/// manager.save(&model, &Moment::new(100, 1).metric("loss", 0.25))?;
/// manager.wait_until_finished()?;
/// let newest = manager.restore(&Which::Latest)?;
/// assert_eq!(newest.info.step, 100);
/// # Ok(())
/// # }
/// ```
pub struct CheckpointManager {
    writer: Writer,
    folder: Arc<StepFolder>,
}

/// What came of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable, or on its way to be.
    Saved,
    /// The writer was behind and nothing was saved.
    Skipped,
    /// It took the place of the step of this number, which was never written.
    Replaced(u64),
}

impl CheckpointManager {
    /// The steps of a folder, which is made when it is not there.
    pub fn open(folder: impl AsRef<Path>, options: CheckpointOptions) -> Result<Self> {
        let folder = folder.as_ref();
        let shown = || folder.display().to_string();
        fs::create_dir_all(folder)
            .map_err(|error| Error::io("make the folder of checkpoints", &error))
            .at(shown)?;
        Self::on(Arc::new(LocalStorage::new(folder)), options).at(shown)
    }

    /// The steps of any storage.
    pub fn on(storage: Arc<dyn Storage>, options: CheckpointOptions) -> Result<Self> {
        for (metric, mode) in options.metrics() {
            mode.is_max(metric)?;
        }
        let folder = Arc::new(StepFolder::open(storage, options)?);
        Ok(Self { writer: Writer::new(folder.clone()), folder })
    }

    /// Saves a step whatever [`SaveWhen`](super::SaveWhen) says; one of the same number is replaced.
    ///
    /// With a background thread the tensors are copied and the call returns. The error of an earlier save is given here,
    /// and then this one is not started.
    pub fn save(&mut self, artifact: &Artifact, moment: &Moment) -> Result<Outcome> {
        self.heard()?;
        self.check_metrics(moment)?;
        let options = &self.folder.options;
        let time = (options.clock)();
        let mut selected = artifact.clone();
        options.contents.select(&mut selected)?;
        match options.background {
            Some(when_behind) => self.writer.save(&selected, moment, time, when_behind),
            None => {
                let step = moment.step;
                self.folder.commit(selected, moment, time).at(|| format!("checkpoint of step {step}"))?;
                Ok(Outcome::Saved)
            }
        }
    }

    /// Saves a step when [`SaveWhen`](super::SaveWhen) says so. The artifact is made only then.
    pub fn save_if_due(
        &mut self,
        moment: &Moment,
        artifact: impl FnOnce() -> Result<Artifact>,
    ) -> Result<Option<Outcome>> {
        if !self.is_due(moment)? {
            return Ok(None);
        }
        self.save(&artifact()?, moment).map(Some)
    }

    /// Takes the memory that saves in the background need, so that the first one is as fast as the others.
    pub fn reserve(&mut self, artifact: &Artifact) -> Result<()> {
        let mut selected = artifact.clone();
        self.folder.options.contents.select(&mut selected)?;
        let copies = match self.folder.options.background {
            None => 0,
            Some(super::BackPressure::ReplacePending) => 2,
            Some(_) => 1,
        };
        self.writer.reserve(&selected, copies)
    }

    /// Removes a step.
    pub fn delete(&mut self, step: u64) -> Result<()> {
        self.writer.wait();
        self.folder.delete(step)
    }

    /// Waits until every step is durable. The first error that nobody has heard of is given, once.
    pub fn wait_until_finished(&mut self) -> Result<()> {
        self.writer.wait();
        self.heard()
    }

    /// Waits until every step is durable and gives the errors that nobody has heard of: for who goes on all the same.
    pub fn finish(&mut self) -> Vec<Error> {
        self.writer.wait();
        self.writer.take_errors()
    }

    /// The errors of steps in the background that nobody has heard of, oldest first. Does not wait.
    pub fn take_errors(&mut self) -> Vec<Error> {
        self.writer.take_errors()
    }

    /// Whether [`SaveWhen`](super::SaveWhen) says that this moment is to be saved.
    pub fn is_due(&self, moment: &Moment) -> Result<bool> {
        let now = (self.folder.options.clock)();
        self.folder.options.save_when.is_due(moment, &self.folder.steps(), &self.folder.bests(), now)
    }

    /// The steps that are durable, from old to new.
    pub fn steps(&self) -> Vec<StepInfo> {
        self.folder.steps()
    }

    /// The newest step that is not known to be damaged.
    pub fn latest(&self) -> Option<StepInfo> {
        self.steps().into_iter().rev().find(|step| step.damage.is_none())
    }

    /// The best step by a metric; a metric that no step has is an error.
    pub fn best(&self, metric: &str, mode: Mode) -> Result<Option<StepInfo>> {
        Ok(self.ranked(&self.steps(), metric, mode)?.into_iter().next())
    }

    /// What was odd about the folder when it was opened: a damaged manifest, files that are gone.
    pub fn notes(&self) -> Vec<String> {
        self.folder.notes()
    }

    /// Reads a whole step and fails when it is not what was saved.
    pub fn check(&self, step: u64) -> Result<()> {
        self.writer.wait();
        self.restore_step(step).map(drop)
    }

    /// Brings a step back, after all of it was compared with what was saved. For [`Which::Latest`] and [`Which::Best`] a
    /// damaged step is passed over, and said so.
    pub fn restore(&self, which: &Which) -> Result<Restored> {
        self.writer.wait();
        let steps = self.steps();
        let candidates = match which {
            Which::Latest => steps.into_iter().rev().collect(),
            Which::Best { metric, mode } => self.ranked(&steps, metric, *mode)?,
            Which::Step(step) => return self.restore_step(*step),
        };
        let mut skipped = Vec::new();
        for info in candidates {
            match self.folder.read(&info) {
                Ok(artifact) => return Ok(Restored { artifact, info, skipped }),
                Err(reason) => skipped.push(Skipped { step: info.step, reason }),
            }
        }
        Err(match skipped.into_iter().next() {
            None => Error::not_found("there is no checkpoint"),
            Some(newest) => newest.reason.hint("every other checkpoint is damaged too"),
        })
    }

    /// Restores what fits of a step into another model; see [`Transfer`].
    pub fn warm_start(
        &self,
        which: &Which,
        target: &mut Artifact,
        transfer: &Transfer,
    ) -> Result<(StepInfo, TransferReport)> {
        let restored = self.restore(which)?;
        let report = transfer.apply(target, &restored.artifact).at(|| restored.info.file.clone())?;
        Ok((restored.info, report))
    }

    fn restore_step(&self, step: u64) -> Result<Restored> {
        let steps = self.steps();
        let info =
            steps.into_iter().find(|info| info.step == step).ok_or_else(|| self.folder.no_step(step))?;
        let artifact = self.folder.read(&info)?;
        Ok(Restored { artifact, info, skipped: Vec::new() })
    }

    fn ranked(&self, steps: &[StepInfo], metric: &str, mode: Mode) -> Result<Vec<StepInfo>> {
        if !steps.is_empty() && steps.iter().all(|step| step.metric(metric).is_none()) {
            let known = steps.iter().flat_map(|step| step.metrics.clone()).collect();
            return Err(no_metric(metric, &known));
        }
        let sound = steps.iter().filter(|step| step.damage.is_none());
        Ok(by_metric(sound, metric, mode)?.into_iter().cloned().collect())
    }

    /// A metric that a policy asks for must be there when an epoch has ended.
    fn check_metrics(&self, moment: &Moment) -> Result<()> {
        let wanted = self.folder.options.metrics();
        let missing = wanted.iter().find(|(metric, _)| !moment.metrics.contains_key(*metric));
        match missing {
            Some((metric, _)) if moment.is_epoch_end => Err(no_metric(metric, &moment.metrics)),
            _ => Ok(()),
        }
    }

    fn heard(&self) -> Result<()> {
        self.writer.take_error().map_or(Ok(()), Err)
    }
}

impl Drop for CheckpointManager {
    fn drop(&mut self) {
        self.writer.wait();
        for error in self.writer.take_errors() {
            match &self.folder.options.error_handler {
                Some(handler) => handler(&error),
                // The last resort: a checkpoint that is missing must not go unheard.
                None => {
                    let _ = writeln!(std::io::stderr(), "{error}");
                }
            }
        }
    }
}

impl fmt::Debug for CheckpointManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointManager")
            .field("options", &self.folder.options)
            .field("steps", &self.steps().len())
            .finish_non_exhaustive()
    }
}

impl Restored {
    /// The artifact of the newest step, or `None` when there is no step at all; damaged ones alone are an error.
    pub fn latest_of(manager: &CheckpointManager) -> Result<Option<Self>> {
        match manager.restore(&Which::Latest) {
            Ok(restored) => Ok(Some(restored)),
            Err(error) if error.kind() == ErrorKind::NotFound && manager.steps().is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
