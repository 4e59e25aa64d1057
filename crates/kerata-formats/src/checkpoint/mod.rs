//! `checkpoint`: what `tf.train.Checkpoint`, `save_weights` of Keras 2 and the `Saver` of TensorFlow 1 write.
//!
//! Layout: `docs/formats/checkpoint.md`.

pub(crate) mod keys;
mod locate;
mod named;
pub(crate) mod objects;
mod read;
mod state;
mod write;

pub(crate) use named::add_named;
pub(crate) use read::{add_leftovers, add_tensor};
pub(crate) use write::object_graph;

use kerata_core::{Artifact, Error, Limits, LossReport, Result};

use crate::{Format, Input, Layout, Output, WriteOptions};

/// TensorFlow checkpoints.
#[derive(Debug)]
pub struct Checkpoint;

impl Format for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn layout(&self) -> Layout {
        Layout::FileWithSiblings
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        Ok(locate::locate(input)?.is_some())
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let (folder, prefix) =
            locate::locate(input)?.ok_or_else(|| Error::not_found("no checkpoint of this name"))?;
        read::read(&folder, &prefix, limits)
    }

    fn write(&self, artifact: &Artifact, output: &mut Output<'_>, _: &WriteOptions) -> Result<LossReport> {
        let (name, folder) = output.siblings()?;
        write::write(artifact, name, folder)
    }
}
