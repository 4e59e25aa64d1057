//! `h5`: whole models and weights in the HDF5 layout of Keras 1 to 3 (`docs/formats/h5.md`).

mod arrays;
mod bfloat16;
mod inline;
mod layers;
mod listed;
mod names;
mod optimizer;
mod read;
mod training;
mod write;

pub(crate) use listed::{Listed, place};
pub(crate) use optimizer::{missing_slot, whole_number};
pub(crate) use read::read_with;

use kerata_core::{Artifact, Limits, LossReport, Result};

use crate::containers::hdf5::File;
use crate::{Format, Input, Output, WriteOptions};

/// The format.
#[derive(Debug)]
pub struct H5;

impl Format for H5 {
    fn name(&self) -> &'static str {
        "h5"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".h5", ".hdf5"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        let Some(source) = input.source().filter(|source| File::is_hdf5(source)) else { return Ok(false) };
        let file = File::open_top(source, &Limits::default())?;
        let root = file.root_attributes();
        let has_layers = |group: &str| {
            let attributes = file.group(group).map(|group| &group.attributes);
            attributes.is_some_and(|found| found.get("layer_names").or(found.get("layer_names0")).is_some())
        };
        Ok(root.get("model_config").is_some() || has_layers("") || has_layers("model_weights"))
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        read_with(&File::open(input.require_source()?, limits)?, None, limits)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        let (plan, losses) = write::plan(artifact, options)?;
        plan.write(output.file()?)?;
        Ok(losses)
    }
}
