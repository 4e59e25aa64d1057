//! `kerata checkpoints DIR`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use kerata::callbacks::Mode;
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, StepInfo};
use kerata::text::thousands;
use kerata_core::{Error, Result, Tree};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render;

/// Metrics that the best step is chosen by when none is named, the first one that is there.
const MONITORS: [&str; 2] = ["val_loss", "loss"];

#[derive(Args)]
pub struct Checkpoints {
    /// A folder of checkpoints.
    folder: PathBuf,
    /// The metric that says which step is the best [default: val_loss, else loss].
    #[arg(long, value_name = "METRIC")]
    monitor: Option<String>,
    /// Which way the metric is better: auto, min or max.
    #[arg(long, default_value = "auto", value_name = "MODE")]
    mode: String,
    /// Do not read the tensors: damage inside them is not found.
    #[arg(long)]
    quick: bool,
}

impl Run for Checkpoints {
    fn run(self, _: &Context) -> Result<Answer> {
        if !self.folder.is_dir() {
            return Err(Error::not_found("no such folder").at(self.folder.display().to_string()));
        }
        let manager = CheckpointManager::open(&self.folder, CheckpointOptions::new())?;
        let steps = manager.steps();
        let has = |metric: &&str| steps.iter().any(|step| step.metric(metric).is_some());
        let monitor = match &self.monitor {
            Some(monitor) => Some(monitor.as_str()),
            None => MONITORS.iter().copied().find(has),
        };
        let best = match monitor {
            Some(monitor) => manager.best(monitor, self.mode.parse::<Mode>()?)?.map(|step| step.step),
            None => None,
        };
        let damage = |step: &StepInfo| match (&step.damage, self.quick) {
            (Some(damage), _) => Some(damage.clone()),
            (None, true) => None,
            (None, false) => manager.check(step.step).err().map(|error| {
                let places: Vec<&str> = error.trail().skip(1).collect();
                [&[error.message()], &places[..]].concat().join(", ")
            }),
        };
        let damages: Vec<Option<String>> = steps.iter().map(damage).collect();
        let whole = steps.iter().zip(&damages).filter(|(_, damage)| damage.is_none());
        let latest = whole.map(|(step, _)| step.step).max();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();

        let marks = |step: &StepInfo| {
            let marks = [(latest, "latest"), (best, "best")];
            marks.into_iter().filter(|(which, _)| *which == Some(step.step)).map(|(_, mark)| mark).collect::<Vec<_>>()
        };
        let json = steps.iter().zip(&damages).map(|(step, damage)| {
            let metrics = step.metrics.iter().map(|(name, value)| (name.clone(), number(*value)));
            Tree::from([
                ("step", Tree::from(step.step)),
                ("epoch", Tree::from(step.epoch)),
                ("file", Tree::from(step.file.as_str())),
                ("bytes", Tree::from(step.bytes)),
                ("saved_at", Tree::Float(step.saved_at.as_secs_f64())),
                ("age_seconds", Tree::Float(now.saturating_sub(step.saved_at).as_secs_f64())),
                ("contents", Tree::from(step.contents.name())),
                ("metrics", Tree::Object(metrics.collect())),
                ("whole", if self.quick && damage.is_none() { Tree::Null } else { Tree::from(damage.is_none()) }),
                ("damage", Tree::from(damage.as_deref())),
                ("latest", Tree::from(latest == Some(step.step))),
                ("best", Tree::from(best == Some(step.step))),
            ])
        });
        let json = Tree::from([
            ("steps", Tree::List(json.collect())),
            ("latest", latest.map_or(Tree::Null, Tree::from)),
            ("best", best.map_or(Tree::Null, Tree::from)),
            ("monitor", Tree::from(monitor)),
            ("notes", Tree::from(manager.notes())),
        ]);

        let mut names: Vec<&str> = Vec::new();
        for name in steps.iter().flat_map(|step| step.metrics.keys()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let row = |(step, damage): (&StepInfo, &Option<String>)| {
            let mut row = vec![step.step.to_string(), step.epoch.to_string()];
            row.extend(names.iter().map(|name| step.metric(name).map_or_else(String::new, |v| format!("{v:.4}"))));
            let age = if step.saved_at.is_zero() { String::new() } else { age(now.saturating_sub(step.saved_at)) };
            let state = match damage {
                Some(damage) => format!("damaged: {damage}"),
                None if self.quick => String::new(),
                None => "whole".to_owned(),
            };
            row.extend([thousands(step.bytes), age, state, marks(step).join(", "), step.file.clone()]);
            row
        };
        let rows: Vec<Vec<String>> = steps.iter().zip(&damages).map(row).collect();
        let header: Vec<&str> =
            ["step", "epoch"].into_iter().chain(names.clone()).chain(["bytes", "age", "state", "", "file"]).collect();
        let right: Vec<usize> = (0..names.len() + 4).collect();
        let mut text = if steps.is_empty() { "no checkpoints\n".to_owned() } else { render(&header, &rows, &right) };
        for note in manager.notes() {
            text.push_str(&format!("{note}\n"));
        }
        Ok(Answer::new(json, text))
    }
}

/// A number, or nothing where JSON has none.
fn number(value: f64) -> Tree {
    if value.is_finite() { Tree::Float(value) } else { Tree::Null }
}

/// `12 s`, `5 min`, `3 h`, `9 d`.
fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
