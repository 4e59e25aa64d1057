//! `Keep`: which steps stay when a new one was saved.

use std::collections::BTreeSet;

use kerata_core::Result;

use super::StepInfo;
use crate::callbacks::Mode;

/// Which steps are kept. The newest one always is.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Keep {
    /// Every one.
    #[default]
    All,
    /// The newest ones.
    Last(usize),
    /// The best ones by a metric; of equal ones the older.
    Best {
        /// How many.
        count: usize,
        /// The metric.
        metric: String,
        /// Which way it is better.
        mode: Mode,
    },
    /// Those whose number is a multiple of this.
    EveryNth(u64),
    /// Those from this step on.
    Since(u64),
    /// Those that one of them keeps.
    Any(Vec<Keep>),
}

impl Keep {
    /// The best ones by a metric, by the direction that its name says.
    pub fn best(count: usize, metric: impl Into<String>) -> Self {
        Self::Best { count, metric: metric.into(), mode: Mode::Auto }
    }

    /// The steps that stay, of steps from old to new.
    pub(super) fn kept(&self, steps: &[StepInfo]) -> Result<BTreeSet<u64>> {
        let mut kept = self.wanted(steps)?;
        kept.extend(steps.last().map(|newest| newest.step));
        // What cannot be loaded is nobody's reason to remove it: somebody may still want to look.
        kept.extend(steps.iter().filter(|step| step.damage.is_some()).map(|step| step.step));
        Ok(kept)
    }

    /// The metrics that are asked for.
    pub(super) fn metrics(&self) -> Vec<(&str, Mode)> {
        match self {
            Self::Best { metric, mode, .. } => vec![(metric, *mode)],
            Self::Any(all) => all.iter().flat_map(Self::metrics).collect(),
            _ => Vec::new(),
        }
    }

    fn wanted(&self, steps: &[StepInfo]) -> Result<BTreeSet<u64>> {
        let sound = || steps.iter().filter(|step| step.damage.is_none());
        Ok(match self {
            Self::All => steps.iter().map(|step| step.step).collect(),
            Self::Last(count) => sound().rev().take(*count).map(|step| step.step).collect(),
            Self::Best { count, metric, mode } => {
                by_metric(sound(), metric, *mode)?.into_iter().take(*count).map(|step| step.step).collect()
            }
            Self::EveryNth(nth) => {
                sound().map(|s| s.step).filter(|step| step.is_multiple_of((*nth).max(1))).collect()
            }
            Self::Since(first) => sound().map(|s| s.step).filter(|step| step >= first).collect(),
            Self::Any(all) => {
                let mut kept = BTreeSet::new();
                for keep in all {
                    kept.extend(keep.wanted(steps)?);
                }
                kept
            }
        })
    }
}

/// Steps with a metric, the best first, of equal ones the older first; NaN is no value.
pub(super) fn by_metric<'a>(
    steps: impl Iterator<Item = &'a StepInfo>,
    metric: &str,
    mode: Mode,
) -> Result<Vec<&'a StepInfo>> {
    let is_max = mode.is_max(metric)?;
    let value = |step: &StepInfo| step.metric(metric).filter(|value| !value.is_nan());
    let mut ranked: Vec<(f64, &StepInfo)> = steps.filter_map(|step| Some((value(step)?, step))).collect();
    ranked.sort_by(|(a, _), (b, _)| if is_max { b.total_cmp(a) } else { a.total_cmp(b) });
    Ok(ranked.into_iter().map(|(_, step)| step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<StepInfo> {
        // Losses of steps 10 to 60.
        let losses = [3.0, 1.0, f64::NAN, 2.0, 1.0, 4.0];
        let step = |(index, loss): (usize, &f64)| {
            let mut info = StepInfo::new(10 * (index as u64 + 1), String::new(), 1);
            info.metrics.insert("loss".to_owned(), *loss);
            info
        };
        losses.iter().enumerate().map(step).collect()
    }

    fn kept(keep: &Keep) -> Vec<u64> {
        keep.kept(&steps()).unwrap().into_iter().collect()
    }

    #[test]
    fn each_policy_keeps_its_own_and_the_newest() {
        assert_eq!(kept(&Keep::All), [10, 20, 30, 40, 50, 60]);
        assert_eq!(kept(&Keep::Last(2)), [50, 60]);
        assert_eq!(kept(&Keep::Last(0)), [60]);
        assert_eq!(kept(&Keep::best(1, "loss")), [20, 60]);
        assert_eq!(kept(&Keep::best(3, "loss")), [20, 40, 50, 60]);
        assert_eq!(kept(&Keep::Best { count: 1, metric: "loss".into(), mode: Mode::Max }), [60]);
        assert_eq!(kept(&Keep::best(9, "loss")), [10, 20, 40, 50, 60], "NaN is never among the best");
        assert_eq!(kept(&Keep::EveryNth(20)), [20, 40, 60]);
        assert_eq!(kept(&Keep::Since(40)), [40, 50, 60]);
        assert_eq!(kept(&Keep::Any(vec![Keep::Last(1), Keep::EveryNth(30)])), [30, 60]);
    }

    #[test]
    fn a_damaged_step_takes_no_place_and_stays() {
        let mut all = steps();
        all[4].damage = Some("cut short".to_owned());
        let kept: Vec<u64> = Keep::Last(2).kept(&all).unwrap().into_iter().collect();
        assert_eq!(kept, [40, 50, 60]);
    }
}
