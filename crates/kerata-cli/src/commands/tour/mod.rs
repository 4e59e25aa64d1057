//! `kerata tour [DIR]`: the whole story on handwritten digits, one chapter a file.

mod checkpoints;
mod complete;
mod custom;
mod folder;
mod network;
mod production;
mod report;
mod small;
mod story;
mod training;

use std::path::PathBuf;

use clap::Args;
use kerata_core::Result;

use super::Run;
use crate::answer::Answer;
use crate::context::Context;
use story::Story;

#[derive(Args)]
pub struct Tour {
    /// Folder that the files are written into.
    #[arg(default_value = "kerata-tour")]
    dir: PathBuf,
    /// Train for two epochs only.
    #[arg(long)]
    quick: bool,
    /// Do the training alone: what the tour starts, kills and starts again.
    #[arg(long, hide = true, value_name = "OUT.keras")]
    train_to: Option<PathBuf>,
}

/// A chapter: does something with the trained model and tells what came of it.
type Chapter = fn(&mut Story) -> Result<()>;

const CHAPTERS: &[Chapter] =
    &[complete::tell, checkpoints::tell, custom::tell, small::tell, production::tell, report::tell];

impl Run for Tour {
    fn run(self, context: &Context) -> Result<Answer> {
        let epochs = if self.quick { 2 } else { network::EPOCHS };
        if let Some(out) = &self.train_to {
            training::in_child(&self.dir, out, epochs, context)?;
            return Ok(Answer::default());
        }
        let mark = folder::prepare(&self.dir)?;
        let mut story = training::tell(self.dir, epochs, context)?;
        story.mark = Some(mark);
        for chapter in CHAPTERS {
            story.check_stop()?;
            chapter(&mut story)?;
        }
        Ok(story.end())
    }
}
