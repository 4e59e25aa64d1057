//! Weights and the model that they belong to, from two files.

use kerata_core::{Artifact, Error, Limits, Result, ResultExt, Tree};

use crate::containers::hdf5::File;
use crate::{Input, detect, h5, keras, walk};

/// A model without its variables, as a file of any era spells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Architecture {
    /// The config.
    pub config: Tree,
    /// How it was compiled.
    pub compile_config: Option<Tree>,
    /// The Keras that wrote it.
    pub keras_version: Option<String>,
}

impl Architecture {
    /// That of an artifact, as its file spelled it.
    pub fn of(artifact: &Artifact) -> Result<Self> {
        let config = artifact.original_config.as_ref().or(artifact.config.as_ref());
        let config = config.cloned().ok_or_else(|| Error::mismatch("the file holds no config"))?;
        let compile_config = artifact.original_compile_config.as_ref().or(artifact.compile_config.as_ref());
        let keras_version = artifact.metadata.keras_version.clone();
        Ok(Self { config, compile_config: compile_config.cloned(), keras_version })
    }

    /// That of what `model.to_json()` gives, or of the `config.json` of a model.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self> {
        let mut config = Tree::parse(json, limits)?;
        if config.class_name().is_none() || config.get("config").is_none() {
            return Err(Error::corrupt("expected an object with `class_name` and `config`"));
        }
        // Keras 3 notes modules and no version, Keras 2 a version.
        let version = config.get("keras_version").and_then(Tree::as_str).map(str::to_owned);
        let keras_version = version.or_else(|| config.get("module").map(|_| "3.0.0".to_owned()));
        let entries = config.as_object_mut();
        let compile_config = entries.and_then(|entries| entries.shift_remove("compile_config"));
        let compile_config = compile_config.filter(|compile| compile.as_object().is_some());
        Ok(Self { config, compile_config, keras_version })
    }
}

/// Reads a file of weights alone as those of a model: under the paths of Keras 3, whatever Keras wrote them.
///
/// Variables that do not fit the layers of the model are an error that names the layer.
pub fn read_with(input: &Input, architecture: &Architecture, limits: &Limits) -> Result<Artifact> {
    let format = detect(input)?;
    let mut artifact = match format.name() {
        "h5" => h5::read_with(&File::open(input.require_source()?, limits)?, Some(architecture), limits)?,
        _ => format.read(input, limits)?,
    };
    if format.name() != "h5" {
        if artifact.config.is_some() {
            return Err(Error::usage("the file holds a whole model, with a config of its own"));
        }
        artifact.config = Some(architecture.config.clone());
        artifact.compile_config.clone_from(&architecture.compile_config);
        artifact.metadata.keras_version.clone_from(&architecture.keras_version);
        keras::settle(&mut artifact)?;
    }
    // It is no longer the file that it came from.
    artifact.metadata.format = None;
    artifact.originals = None;
    walk::check_variables(&artifact).at(|| input.name())?;
    Ok(artifact)
}
