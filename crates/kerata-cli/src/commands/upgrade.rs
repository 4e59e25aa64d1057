//! `kerata upgrade OLD NEW.keras`.

use std::path::PathBuf;

use clap::Args;
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata::formats::era::Change;
use kerata::text::memory;
use kerata_core::{Error, Result, ResultExt, Tree};

use super::Run;
use super::target::Target;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Upgrade {
    /// A model file of any era.
    old: PathBuf,
    /// The Keras 3 file to write.
    new: PathBuf,
    #[command(flatten)]
    target: Target,
}

impl Run for Upgrade {
    fn run(self, context: &Context) -> Result<Answer> {
        let old = || self.old.display().to_string();
        let artifact = kerata::open(&self.old, &OpenOptions::new())?;
        if artifact.config.is_none() {
            return Err(Error::unsupported("the file holds weights and no model: there is nothing to upgrade")
                .hint("`kerata convert` writes the weights in another format"))
            .at(old);
        }
        let (artifact, changes, refused) = kerata::modern(artifact, &Registry::new()).at(old)?;
        if let Some(refused) = refused.into_iter().next() {
            return Err(Error::unsupported(refused.why).at(refused.place)).at(old);
        }
        let saved = self.target.save(&artifact, &self.new, SaveOptions::new(), context)?;

        let json = Tree::from([
            ("format", Tree::from(saved.format)),
            ("bytes", Tree::from(saved.bytes)),
            ("changes", entries(&changes)),
            ("notes", Tree::from(artifact.notes.clone())),
            ("lost", Tree::from(saved.losses.losses().to_vec())),
        ]);
        let mut text = String::new();
        for change in &changes {
            text.push_str(&format!("  {}: {}\n", change.place, change.what));
        }
        for note in &artifact.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        let count = changes.len();
        text.push_str(&format!("wrote {} ({}), {count} changes\n", self.new.display(), memory(saved.bytes)));
        Ok(Answer::new(json, text))
    }
}

/// What was changed, as data.
pub fn entries(changes: &[Change]) -> Tree {
    let entries = changes.iter().map(|change| {
        Tree::from([("place", Tree::from(change.place.as_str())), ("what", Tree::from(change.what.as_str()))])
    });
    Tree::List(entries.collect())
}
