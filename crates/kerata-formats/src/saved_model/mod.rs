//! `saved_model`: TensorFlow's SavedModel, of both versions, with the Keras metadata of Keras 2.
//!
//! Layout: `docs/formats/saved-model.md`.

mod assets;
mod edit;
mod keras_metadata;
mod keras_paths;
mod objects;
mod read;
mod signatures;
mod untraced;
mod write;

pub(crate) use signatures::describe as describe_signatures;

use kerata_core::{Artifact, Error, Limits, LossReport, Result};

use crate::{Format, Input, Layout, Output, WriteOptions};

/// The file that holds the graph and the objects.
pub(crate) const GRAPH_FILE: &str = "saved_model.pb";
/// Prefix of the bundle that holds the variables.
pub(crate) const VARIABLES_PREFIX: &str = "variables/variables";

/// TensorFlow SavedModels.
#[derive(Debug)]
pub struct SavedModel;

impl Format for SavedModel {
    fn name(&self) -> &'static str {
        "saved_model"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn layout(&self) -> Layout {
        Layout::Folder
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        let Some(folder) = input.as_folder() else { return Ok(false) };
        if folder.open(GRAPH_FILE).is_ok() {
            return Ok(true);
        }
        for (other, what) in [("saved_model.pbtxt", "text"), ("saved_model.cpb", "split")] {
            if folder.open(other).is_ok() {
                return Err(Error::unsupported(format!("the {what} form of a SavedModel"))
                    .at(other)
                    .hint("load it in TensorFlow and save it again"));
            }
        }
        Ok(false)
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let folder = input.as_folder().ok_or_else(|| Error::usage("a SavedModel is a folder"))?;
        read::read(folder, limits)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        match options.without_traces {
            true => untraced::write(artifact, output.folder()?),
            false => write::write(artifact, output.folder()?),
        }
    }
}
