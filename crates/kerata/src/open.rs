//! `open`: from a path to an artifact.

use std::path::Path;

use kerata_core::{Artifact, Error, ErrorKind, Limits, Result, ResultExt};
use kerata_formats::{Architecture, Input};
use kerata_nn::models::RecordedTraces;
use kerata_store::{LocalFolder, local};

use crate::place::at_path;

/// How to open a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Bounds that the readers obey.
    pub limits: Limits,
}

impl OpenOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bounds that the readers obey.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// Reads a model of any format: a file, a folder, or the prefix of a checkpoint.
///
/// The format is found by content. Tensors stay where they are until they are asked for.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Artifact> {
    let path = path.as_ref();
    let shown = || path.display().to_string();
    let input = input(path)?;
    let format = kerata_formats::detect(&input).map_err(|error| at_path(error, path))?;
    let mut artifact = format.read(&input, &options.limits).at(shown)?;
    RecordedTraces::put_into(&mut artifact, &options.limits);
    artifact.metadata.format.get_or_insert_with(|| format.name().to_owned());
    Ok(artifact)
}

/// Reads a file of weights alone (`.weights.h5`, `.weights.json`, `.h5`, ...) as those of a model, which another file tells: a
/// model file of any era, its `config.json`, or what `model.to_json()` gives.
pub fn open_with(
    weights: impl AsRef<Path>,
    model: impl AsRef<Path>,
    options: &OpenOptions,
) -> Result<Artifact> {
    let (weights, model) = (weights.as_ref(), model.as_ref());
    let architecture = architecture(model, options).map_err(|error| at_path(error, model))?;
    let input = input(weights)?;
    kerata_formats::read_with(&input, &architecture, &options.limits).map_err(|error| at_path(error, weights))
}

fn architecture(model: &Path, options: &OpenOptions) -> Result<Architecture> {
    let found = input(model)?;
    let is_json = found.source().is_some() && found.head(64)?.trim_ascii_start().starts_with(b"{");
    if is_json {
        let source = found.require_source()?;
        if source.len() > options.limits.max_config_bytes {
            return Err(Error::limit(format!("a config of {} bytes", source.len())));
        }
        return Architecture::parse(&source.read_vec(0, source.len())?, &options.limits);
    }
    Architecture::of(&open(model, options)?)
}

/// What stands at a path, as formats take it.
pub fn input(path: impl AsRef<Path>) -> Result<Input> {
    let path = path.as_ref();
    let shown = || path.display().to_string();
    let name = path.file_name().map_or_else(shown, |name| name.to_string_lossy().into_owned());
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Input::folder(name, LocalFolder::open(path)?)),
        Ok(found) if found.is_file() => {
            Ok(Input::file_in(name, local::open(path)?, LocalFolder::around(path)?))
        }
        Ok(_) => Err(Error::usage("this is neither a file nor a folder")
            .hint("what comes from a pipe or a device is read when it is a file"))
        .at(shown),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => prefix(path, name).at(shown),
        Err(error) => Err(Error::io("open", &error)).at(shown),
    }
}

/// The files that start with a name which is no file itself: a TensorFlow checkpoint.
fn prefix(path: &Path, name: String) -> Result<Input> {
    let index = path.with_file_name(format!("{name}.index"));
    if index.is_file() {
        return Ok(Input::prefix(name, LocalFolder::around(path)?));
    }
    let error = Error::new(ErrorKind::NotFound, "no such file or folder");
    Err(match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => error.hint(format!("there is no folder `{}` either", folder.display())),
        None => error.hint("look at the name; its folder is there"),
    })
}
