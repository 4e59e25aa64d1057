//! Where and how to write: shared by the commands that write a model.

use std::path::Path;
use std::sync::atomic::Ordering;

use clap::Args;
use kerata::{SaveOptions, Saved};
use kerata_core::{Artifact, Error, ErrorKind, Result};

use crate::context::Context;

#[derive(Args)]
pub struct Target {
    /// The format to write, where the ending of the name does not say it (`saved_model`, `keras-folder`).
    #[arg(long, value_name = "FORMAT")]
    to: Option<String>,
    /// Replace what is there.
    #[arg(long)]
    overwrite: bool,
}

impl Target {
    /// Whether the format keeps graphs, so that a model must be traced before it is written.
    pub fn keeps_graphs(&self) -> bool {
        self.to.as_deref() == Some("saved_model")
    }

    /// Name of the format that is written, when the options or the ending of the name tell it.
    pub fn format(&self, dst: &Path) -> Option<&'static str> {
        let by_ending = || {
            let name = dst.file_name()?.to_str()?;
            kerata::formats::by_extension(name).ok()
        };
        let named = self.to.as_deref().map(|name| kerata::formats::by_name(name).ok());
        named.unwrap_or_else(by_ending).map(|format| format.name())
    }

    /// The format that is written to this path.
    pub fn chosen_format(&self, dst: &Path) -> Result<&'static dyn kerata::formats::Format> {
        match &self.to {
            Some(name) => kerata::formats::by_name(name),
            None => kerata::formats::by_extension(&dst.to_string_lossy()),
        }
    }

    /// Saves with progress on the terminal; Ctrl-C stops it and nothing is changed.
    pub fn save(
        &self,
        artifact: &Artifact,
        dst: &Path,
        options: SaveOptions,
        context: &Context,
    ) -> Result<Saved> {
        self.watched(artifact, dst, options, context, |options| kerata::save(artifact, dst, &options))
    }

    /// The same for another way of saving, which is given the options.
    pub fn watched<T>(
        &self,
        artifact: &Artifact,
        dst: &Path,
        options: SaveOptions,
        context: &Context,
        save: impl FnOnce(SaveOptions) -> Result<T>,
    ) -> Result<T> {
        let bytes = artifact.variables.iter().map(|(_, variable)| variable.data.len()).sum();
        let bar = context.progress("writing", bytes);
        let (watched, stop) = (bar.clone(), context.stop.clone());
        let mut options = options.overwrite(self.overwrite).observer(move |written| {
            watched.set_position(written);
            match stop.load(Ordering::Relaxed) {
                true => Err(Error::interrupted("interrupted: nothing was changed")),
                false => Ok(()),
            }
        });
        if let Some(name) = &self.to {
            options = options.format(kerata::formats::by_name(name)?);
        }
        let saved = save(options);
        bar.finish_and_clear();
        saved.map_err(|error| match error.kind() {
            ErrorKind::Usage if self.to.is_none() && dst.is_dir() => {
                Error::usage("this is a folder; a model is written to a file in it")
                    .at(dst.display().to_string())
                    .hint(format!("name the file: `{}`", dst.join("model.keras").display()))
            }
            ErrorKind::AlreadyExists if !self.overwrite => Error::already_exists(error.message())
                .at(dst.display().to_string())
                .hint("add --overwrite to replace it, or choose another name"),
            _ => error,
        })
    }
}
