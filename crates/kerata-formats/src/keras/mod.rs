//! `.keras`: a whole model as a zip file or, unzipped, as a folder (`docs/formats/keras.md`).

mod binding;
mod kept;
mod members;
mod read;
mod trace;
mod write;

pub use binding::config_digest;
pub(crate) use read::settle;
pub use trace::{CONSTANTS, TRACE};

use kerata_core::{Artifact, Limits, LossReport, Result};

use crate::containers::zip::Archive;
use crate::{Format, Input, Layout, Output, WriteOptions};

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
/// Weights that Keras cannot read: the same file with its datasets packed by Zstandard.
const WEIGHTS_PACKED: &str = "kerata/model.weights.h5";
const WEIGHTS_NPZ: &str = "model.weights.npz";
const ASSETS: &str = "assets/";
/// The weights start at a multiple of this, so that they can be mapped.
const ALIGN_BYTES: u64 = 64;

/// The format `keras`: one zip file.
#[derive(Debug)]
pub struct Keras;

impl Format for Keras {
    fn name(&self) -> &'static str {
        "keras"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".keras"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        match input.source() {
            Some(source) if Archive::is_zip(&input.head(4)?) => {
                let archive = Archive::open(source.clone(), &Limits::default())?;
                Ok(archive.get(CONFIG).is_some())
            }
            _ => Ok(false),
        }
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let archive = Archive::open(input.require_source()?.clone(), limits)?;
        let mut artifact = read::read(&members::Members::Zip(archive.clone()), limits)?;
        kept::keep(&mut artifact, &archive)?;
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        write::write_zip(artifact, output.file()?, options)
    }
}

/// The format `keras-folder`: the same members as files of a folder. What it reads says `keras` of itself.
#[derive(Debug)]
pub struct KerasFolder;

impl Format for KerasFolder {
    fn name(&self) -> &'static str {
        "keras-folder"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn layout(&self) -> Layout {
        Layout::Folder
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        let Some(folder) = input.as_folder() else {
            return Ok(false);
        };
        // A folder of another library may hold a `config.json` too; Keras's is an object with a class name.
        let names = folder.names()?;
        let has = |name: &str| names.iter().any(|found| found == name);
        Ok(has(CONFIG) && (has(WEIGHTS) || has(WEIGHTS_NPZ) || has(METADATA)))
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let folder =
            input.as_folder().ok_or_else(|| kerata_core::Error::usage("expected a folder, found a file"))?;
        read::read(&members::Members::Folder(folder.clone()), limits)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        write::write_folder(artifact, output.folder()?, options)
    }
}
