//! `.weights.h5`: the weights of a model, without its config (`docs/formats/weights-h5.md`).

mod read;
mod role;
mod write;

use kerata_core::{Artifact, Limits, LossReport, Result, SourceRef};

use crate::containers::hdf5;
use crate::{Format, Input, Output, WriteOptions};

pub(crate) use read::{read_into, sort_by_owner};
pub(crate) use role::role_of_path;
pub(crate) use write::{config_losses, plan, plan_of, plan_originals};

/// The format `weights.h5`.
#[derive(Debug)]
pub struct WeightsH5;

impl Format for WeightsH5 {
    fn name(&self) -> &'static str {
        "weights.h5"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".weights.h5"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        match input.source() {
            Some(source) if hdf5::File::is_hdf5(source) => holds_weights(source),
            _ => Ok(false),
        }
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let mut artifact = Artifact::new();
        artifact.metadata.format = Some(self.name().to_owned());
        read_into(&mut artifact, input.require_source()?, limits)?;
        sort_by_owner(&mut artifact);
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        plan(artifact, options)?.write(output.file()?)?;
        Ok(config_losses(artifact, self.name(), options.compression))
    }
}

/// Whether an HDF5 file holds the groups of Keras 3 weights, and not a whole legacy model.
fn holds_weights(source: &SourceRef) -> Result<bool> {
    let has_vars = |path: &str| path == "vars" || path.ends_with("/vars");
    let file = hdf5::File::open_until(source, &Limits::default(), has_vars)?;
    let is_legacy =
        ["model_config", "layer_names"].iter().any(|name| file.root_attributes().get(name).is_some());
    Ok(!is_legacy && file.groups.keys().any(|path| has_vars(path)))
}
