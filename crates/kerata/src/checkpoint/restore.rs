//! `Restored`: a step that was brought back, and which others were passed over.

use kerata_core::{Artifact, Error};

use super::StepInfo;
use crate::callbacks::Mode;

/// Which step to bring back.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Which {
    /// The newest one that is whole.
    #[default]
    Latest,
    /// The best one that is whole.
    Best {
        /// The metric.
        metric: String,
        /// Which way it is better.
        mode: Mode,
    },
    /// The one of this number.
    Step(u64),
}

impl Which {
    /// The best one by a metric, by the direction that its name says.
    pub fn best(metric: impl Into<String>) -> Self {
        Self::Best { metric: metric.into(), mode: Mode::Auto }
    }
}

/// A step that was brought back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// What it holds.
    pub artifact: Artifact,
    /// Which one it is.
    pub info: StepInfo,
    /// Steps that would have come first and are damaged.
    pub skipped: Vec<Skipped>,
}

/// A step that was passed over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Its number.
    pub step: u64,
    /// What is wrong with it.
    pub reason: Error,
}
