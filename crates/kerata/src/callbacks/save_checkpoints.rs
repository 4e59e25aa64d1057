//! `SaveCheckpoints`: a `CheckpointManager` in a training.

use kerata_core::{Artifact, Error, ErrorKind, Result, Tree};

use super::{Callback, Logs, Training};
use crate::checkpoint::{CheckpointManager, Moment, Restored};

/// What happens when a checkpoint cannot be saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The training ends with the error; the older checkpoints are there.
    #[default]
    Stop,
    /// The training goes on; see [`SaveCheckpoints::failures`].
    GoOn,
}

/// Saves checkpoints as the policies of a manager say, and continues from the newest whole one to the same bits.
#[derive(Debug)]
pub struct SaveCheckpoints {
    manager: CheckpointManager,
    resume: bool,
    on_failure: OnFailure,
    failures: Vec<Error>,
    /// Notes on what was passed over when the training was continued.
    notes: Vec<String>,
    /// Logs of the last epoch that was closed: those of a validation stay known in the next one.
    epoch_logs: Logs,
}

impl SaveCheckpoints {
    /// Saves into a folder, and starts anew.
    pub fn new(manager: CheckpointManager) -> Self {
        Self {
            manager,
            resume: false,
            on_failure: OnFailure::Stop,
            failures: Vec::new(),
            notes: Vec::new(),
            epoch_logs: Logs::new(),
        }
    }

    /// Sets whether the training continues from the newest checkpoint that is whole, if there is one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets what happens when a checkpoint cannot be saved.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// The manager.
    pub fn manager(&mut self) -> &mut CheckpointManager {
        &mut self.manager
    }

    /// The saves that failed and were survived.
    pub fn failures(&self) -> &[Error] {
        &self.failures
    }

    /// What was odd when the training was continued: damaged checkpoints that were passed over.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn moment(&self, training: &Training<'_>) -> Moment {
        let mut metrics = self.epoch_logs.clone();
        metrics.extend(training.logs().iter().map(|(name, value)| (name.clone(), *value)));
        Moment::new(training.step(), training.epoch() as u64)
            .metrics(metrics)
            .epoch_end(training.is_epoch_closed())
    }

    fn save(&mut self, training: &Training<'_>, moment: &Moment) -> Result<()> {
        let artifact = training.checkpoint(self)?;
        if self.on_failure == OnFailure::GoOn {
            self.failures.extend(self.manager.take_errors());
        }
        match self.manager.save(&artifact, moment) {
            Err(error) if self.on_failure == OnFailure::GoOn => self.failures.push(error),
            saved => drop(saved?),
        }
        Ok(())
    }

    /// Waits for what is being written.
    fn finish(&mut self) -> Result<()> {
        match self.on_failure {
            OnFailure::Stop => self.manager.wait_until_finished(),
            OnFailure::GoOn => {
                self.failures.extend(self.manager.finish());
                Ok(())
            }
        }
    }
}

impl Callback for SaveCheckpoints {
    fn name(&self) -> &str {
        "SaveCheckpoints"
    }

    fn resume_from(&mut self) -> Result<Option<Artifact>> {
        if !self.resume {
            return Ok(None);
        }
        self.notes = self.manager.notes();
        let Some(restored) = Restored::latest_of(&self.manager)? else { return Ok(None) };
        let skipped = restored.skipped.iter();
        self.notes
            .extend(skipped.map(|one| format!("step {} is passed over: {}", one.step, one.reason.message())));
        Ok(Some(restored.artifact))
    }

    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        // Here, so that the first save takes no longer than the others.
        self.manager.reserve(&training.checkpoint(self)?)
    }

    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        if training.is_epoch_closed() {
            self.epoch_logs.clone_from(training.logs());
        }
        let moment = self.moment(training);
        if !self.manager.is_due(&moment)? {
            return Ok(());
        }
        self.save(training, &moment)
    }

    fn on_interrupt(&mut self, training: &mut Training<'_>) -> Result<()> {
        let moment = self.moment(training);
        self.manager.finish().into_iter().for_each(|error| self.failures.push(error));
        if self.manager.latest().is_none_or(|latest| latest.step != moment.step) {
            self.save(training, &moment)?;
        }
        self.finish()
    }

    fn on_train_end(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.finish()
    }

    fn state(&self) -> Tree {
        let logs = self.epoch_logs.iter().map(|(name, value)| (name.clone(), Tree::Float(*value)));
        Tree::Object(logs.collect())
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        let logs =
            state.as_object().ok_or_else(|| Error::new(ErrorKind::Corrupt, "the state is no object"))?;
        let number = |(name, value): (&String, &Tree)| Some((name.clone(), value.as_f64()?));
        self.epoch_logs = logs.iter().filter_map(number).collect();
        Ok(())
    }
}
