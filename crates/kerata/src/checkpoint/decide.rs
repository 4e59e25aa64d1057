//! `SaveWhen`: at which moments a step is saved.

use std::time::Duration;

use kerata_core::Result;

use super::StepInfo;
use crate::callbacks::{Logs, Mode, no_metric};

/// A moment of a training at which a checkpoint may be saved.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Moment {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// Losses and metrics so far.
    pub metrics: Logs,
    /// Whether an epoch has just ended, so that all metrics are there.
    pub is_epoch_end: bool,
}

impl Moment {
    /// A moment after so many steps and epochs.
    pub fn new(step: u64, epoch: u64) -> Self {
        Self { step, epoch, ..Self::default() }
    }

    /// Sets a metric.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        self.metrics.insert(name.into(), value);
        self
    }

    /// Sets all metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Logs) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets whether an epoch has just ended.
    #[must_use]
    pub fn epoch_end(mut self, is_epoch_end: bool) -> Self {
        self.is_epoch_end = is_epoch_end;
        self
    }
}

/// When a step is saved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SaveWhen {
    /// Whenever it is asked.
    Always,
    /// After each so many steps.
    EverySteps(u64),
    /// At the end of each so many epochs.
    EveryEpochs(u64),
    /// When this much time has passed since the last one.
    Every(Duration),
    /// When a metric is better than in all steps that were saved.
    OnBest {
        /// Its name.
        metric: String,
        /// Which way it is better.
        mode: Mode,
    },
    /// When one of them says so.
    Any(Vec<SaveWhen>),
    /// When all of them say so.
    All(Vec<SaveWhen>),
}

impl SaveWhen {
    /// When a metric is better than in all steps that were saved, by the direction that its name says.
    pub fn on_best(metric: impl Into<String>) -> Self {
        Self::OnBest { metric: metric.into(), mode: Mode::Auto }
    }

    /// Whether a moment is to be saved, after `saved` and at the time `now`.
    pub(super) fn is_due(
        &self,
        moment: &Moment,
        saved: &[StepInfo],
        best: &Bests,
        now: Duration,
    ) -> Result<bool> {
        match self {
            Self::Always => Ok(true),
            Self::EverySteps(steps) => Ok(moment.step.is_multiple_of((*steps).max(1))),
            Self::EveryEpochs(epochs) => {
                Ok(moment.is_epoch_end && moment.epoch.is_multiple_of((*epochs).max(1)))
            }
            Self::Every(time) => {
                let last = saved.iter().map(|step| step.saved_at).max();
                // A clock that was set back must not put off the next one for ever.
                Ok(last.is_none_or(|last| now < last || now - last >= *time))
            }
            Self::OnBest { metric, mode } => {
                let Some(value) = moment.metrics.get(metric).copied() else {
                    // Between the ends of epochs not all metrics are there.
                    return if moment.is_epoch_end {
                        Err(no_metric(metric, &moment.metrics))
                    } else {
                        Ok(false)
                    };
                };
                mode.is_max(metric)?;
                let best = best.of(metric, *mode, saved)?;
                match best {
                    Some(best) => mode.is_better(metric, value, best),
                    None => Ok(!value.is_nan()),
                }
            }
            Self::Any(all) => {
                all.iter().try_fold(false, |due, when| Ok(when.is_due(moment, saved, best, now)? || due))
            }
            Self::All(all) => {
                all.iter().try_fold(true, |due, when| Ok(when.is_due(moment, saved, best, now)? && due))
            }
        }
    }

    /// The metrics that are asked for.
    pub(super) fn metrics(&self) -> Vec<(&str, Mode)> {
        match self {
            Self::OnBest { metric, mode } => vec![(metric, *mode)],
            Self::Any(all) | Self::All(all) => all.iter().flat_map(Self::metrics).collect(),
            _ => Vec::new(),
        }
    }
}

/// The best value of each metric that was ever saved, also of steps that were removed since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bests(pub Logs);

impl Bests {
    /// Notes a step that was saved.
    pub fn note(&mut self, wanted: &[(&str, Mode)], metrics: &Logs) -> Result<()> {
        for (metric, mode) in wanted {
            let Some(value) = metrics.get(*metric).copied().filter(|value| !value.is_nan()) else { continue };
            let is_better = match self.0.get(*metric) {
                Some(best) => mode.is_better(metric, value, *best)?,
                None => true,
            };
            if is_better {
                self.0.insert((*metric).to_owned(), value);
            }
        }
        Ok(())
    }

    fn of(&self, metric: &str, mode: Mode, saved: &[StepInfo]) -> Result<Option<f64>> {
        let mut best = self.0.get(metric).copied();
        for value in saved.iter().filter_map(|step| step.metric(metric)).filter(|value| !value.is_nan()) {
            let is_better = match best {
                Some(best) => mode.is_better(metric, value, best)?,
                None => true,
            };
            if is_better {
                best = Some(value);
            }
        }
        Ok(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(step: u64, loss: f64, seconds: u64) -> StepInfo {
        let mut info = StepInfo::new(step, format!("ckpt-{step}.keras"), 1);
        info.metrics.insert("loss".to_owned(), loss);
        info.saved_at = Duration::from_secs(seconds);
        info
    }

    fn is_due(when: &SaveWhen, moment: &Moment, now: u64) -> bool {
        let saved = [saved(10, 2.0, 100), saved(20, 1.0, 160)];
        when.is_due(moment, &saved, &Bests::default(), Duration::from_secs(now)).unwrap()
    }

    #[test]
    fn each_policy_decides() {
        let moment = Moment::new(30, 3).metric("loss", 0.5);
        assert!(is_due(&SaveWhen::EverySteps(10), &moment, 0));
        assert!(!is_due(&SaveWhen::EverySteps(20), &moment, 0));
        assert!(!is_due(&SaveWhen::EveryEpochs(3), &moment, 0));
        assert!(is_due(&SaveWhen::EveryEpochs(3), &moment.clone().epoch_end(true), 0));
        assert!(!is_due(&SaveWhen::Every(Duration::from_secs(60)), &moment, 219));
        assert!(is_due(&SaveWhen::Every(Duration::from_secs(60)), &moment, 220));
        assert!(is_due(&SaveWhen::Every(Duration::from_secs(60)), &moment, 90), "the clock was set back");
        assert!(is_due(&SaveWhen::on_best("loss"), &moment, 0));
        assert!(!is_due(&SaveWhen::on_best("loss"), &moment.clone().metric("loss", 1.0), 0));
        assert!(!is_due(&SaveWhen::on_best("loss"), &moment.clone().metric("loss", f64::NAN), 0));
        let both = [SaveWhen::EverySteps(20), SaveWhen::on_best("loss")];
        assert!(is_due(&SaveWhen::Any(both.to_vec()), &moment, 0));
        assert!(!is_due(&SaveWhen::All(both.to_vec()), &moment, 0));
    }

    #[test]
    fn a_metric_that_is_not_there_is_an_error_with_those_that_are() {
        let moment = Moment::new(1, 1).metric("loss", 1.0).epoch_end(true);
        let when = SaveWhen::on_best("val_loss");
        let error = when.is_due(&moment, &[], &Bests::default(), Duration::ZERO).unwrap_err();
        assert_eq!(error.hint_text(), Some("metrics are: loss"));
        let moment = moment.epoch_end(false);
        assert!(!when.is_due(&moment, &[], &Bests::default(), Duration::ZERO).unwrap());
    }
}
