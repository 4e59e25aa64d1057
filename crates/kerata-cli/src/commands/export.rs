//! `kerata export MODEL DST --to saved_model`.

use std::path::PathBuf;

use clap::Args;
use kerata::text::memory;
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata_core::{Result, ResultExt, Tree};

use super::Run;
use super::target::Target;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Export {
    /// The model to read, of any format.
    model: PathBuf,
    /// The folder to write.
    dst: PathBuf,
    #[command(flatten)]
    target: Target,
}

impl Run for Export {
    fn run(self, context: &Context) -> Result<Answer> {
        let artifact = kerata::open(&self.model, &OpenOptions::new())?;
        let place = || self.model.display().to_string();
        let traced = kerata::traced(&artifact, &Registry::new()).at(place)?;
        let report = self.target.save(&traced, &self.dst, SaveOptions::new(), context)?;
        let json = Tree::from([("format", Tree::from(report.format)), ("bytes", Tree::from(report.bytes))]);
        let text = format!("wrote {} ({}, {})\n", self.dst.display(), report.format, memory(report.bytes));
        Ok(Answer::new(json, text))
    }
}
