//! `OptimizeReport`: what each pass did, in bytes and words.

use kerata_core::{Artifact, Tree};

use crate::text::memory;

/// What an optimization came to. Bytes are those of the variables; the container adds its own.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OptimizeReport {
    /// Bytes of all variables before.
    pub bytes_before: u64,
    /// Bytes of all variables after.
    pub bytes_after: u64,
    /// One entry a pass, in the order they ran.
    pub passes: Vec<Pass>,
}

/// What one pass did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// Bytes of all variables before.
    pub bytes_before: u64,
    /// Bytes of all variables after.
    pub bytes_after: u64,
    /// How many layers or variables it changed.
    pub changed: u64,
    /// What it could not do, and why.
    pub notes: Vec<String>,
}

impl OptimizeReport {
    pub(super) fn new(artifact: &Artifact) -> Self {
        Self { bytes_before: bytes(artifact), ..Self::default() }
    }

    pub(super) fn end(&mut self, artifact: &Artifact) {
        self.bytes_after = bytes(artifact);
    }

    /// Percent of the bytes that are saved.
    pub fn percent_saved(&self) -> f64 {
        percent(self.bytes_before, self.bytes_after)
    }

    /// The report as an object with stable names.
    pub fn to_tree(&self) -> Tree {
        let pass = |pass: &Pass| {
            Tree::from([
                ("name", Tree::from(pass.name)),
                ("bytes_before", Tree::from(pass.bytes_before)),
                ("bytes_after", Tree::from(pass.bytes_after)),
                ("percent_saved", Tree::from(percent(pass.bytes_before, pass.bytes_after))),
                ("changed", Tree::from(pass.changed)),
                ("notes", Tree::from(pass.notes.clone())),
            ])
        };
        Tree::from([
            ("bytes_before", Tree::from(self.bytes_before)),
            ("bytes_after", Tree::from(self.bytes_after)),
            ("percent_saved", Tree::from(self.percent_saved())),
            ("passes", Tree::List(self.passes.iter().map(pass).collect())),
        ])
    }

    /// One line a pass, notes below it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for pass in &self.passes {
            text.push_str(&format!(
                "  {:<24} {:>11} -> {:>11}  {:>12}  ({} changed)\n",
                pass.name,
                memory(pass.bytes_before),
                memory(pass.bytes_after),
                saved_text(percent(pass.bytes_before, pass.bytes_after)),
                pass.changed,
            ));
            for note in &pass.notes {
                text.push_str(&format!("    note: {note}\n"));
            }
        }
        text
    }
}

impl Pass {
    pub(super) fn start(name: &'static str, artifact: &Artifact) -> Self {
        Self { name, bytes_before: bytes(artifact), bytes_after: 0, changed: 0, notes: Vec::new() }
    }

    pub(super) fn end(&mut self, artifact: &Artifact) {
        self.bytes_after = bytes(artifact);
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

fn bytes(artifact: &Artifact) -> u64 {
    artifact.variables.iter().map(|(_, variable)| variable.data.len()).sum()
}

/// `66.7% saved`, `12.0% more`.
fn saved_text(percent: f64) -> String {
    if percent < -0.05 { format!("{:.1}% more", -percent) } else { format!("{:.1}% saved", percent.max(0.0)) }
}

/// Percent saved from one size to another.
pub(super) fn percent(before: u64, after: u64) -> f64 {
    if before == 0 { 0.0 } else { 100.0 * (1.0 - after as f64 / before as f64) }
}
