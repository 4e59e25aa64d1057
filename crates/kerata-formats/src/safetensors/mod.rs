//! `.safetensors`: named tensors behind a JSON header, in one file or several (`docs/formats/safetensors.md`).

mod dtype;
mod header;
mod note;
mod write;

use kerata_core::{Artifact, Data, Error, Limits, LossReport, Result, ResultExt, SourceRef, Tree, Variable};

use crate::shards::{self, ShardIndex};
use crate::{Format, Input, Layout, Output, WriteOptions, weights_h5};
use header::Header;

const ENDING: &str = ".safetensors";

/// The format `safetensors`: one file.
#[derive(Debug)]
pub struct Safetensors;

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[ENDING]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        Ok(header::looks_right(&input.head(9)?, input.source().map_or(0, |source| source.len())))
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let mut artifact = Artifact::new();
        artifact.metadata.format = Some(self.name().to_owned());
        read_into(&mut artifact, input.require_source()?, limits)?;
        note::restore(&mut artifact, limits)?;
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        _options: &WriteOptions,
    ) -> Result<LossReport> {
        write::one(artifact, output.file()?)
    }
}

/// The format `safetensors-sharded`: several files and `NAME.safetensors.index.json`. What it reads says
/// `safetensors` of itself.
#[derive(Debug)]
pub struct SafetensorsSharded;

impl Format for SafetensorsSharded {
    fn name(&self) -> &'static str {
        "safetensors-sharded"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".safetensors.index.json"]
    }

    fn layout(&self) -> Layout {
        Layout::FileWithSiblings
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        Ok(ShardIndex::peek(input, ENDING)?.is_some())
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let index = ShardIndex::peek(input, ENDING)?;
        let index = index.ok_or_else(|| Error::corrupt("this is no index of shards"))?;
        let mut artifact = Artifact::new();
        artifact.metadata.format = Some("safetensors".to_owned());
        if let Tree::Object(entries) = &index.metadata {
            let kept = entries.iter().filter(|(key, _)| *key != "total_size");
            artifact.metadata.extra.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        for file in index.files(limits)? {
            let before = artifact.variables.len();
            read_into(&mut artifact, &shards::open(input, &file)?, limits).at(|| file.clone())?;
            let names = artifact.variables.iter().skip(before).map(|(name, _)| name);
            let belongs = |name: &str| index.entries.get(name).is_some_and(|files| files.contains(&file));
            if let Some(stray) = names.into_iter().find(|name| !belongs(name)) {
                return Err(Error::corrupt(format!("the index does not name `{stray}`")).at(file));
            }
        }
        if let Some(missing) = index.entries.keys().find(|name| artifact.variables.get(name).is_none()) {
            return Err(Error::corrupt(format!("the index names `{missing}`, no shard holds it")));
        }
        note::restore(&mut artifact, limits)?;
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        let (name, folder) = output.siblings()?;
        let name = name.to_owned();
        write::sharded(artifact, &name, folder, options)
    }
}

/// Adds the tensors of one file under their names.
fn read_into(artifact: &mut Artifact, source: &SourceRef, limits: &Limits) -> Result<()> {
    let header = Header::read(source, limits)?;
    for tensor in header.tensors {
        let data = Data::range(source.clone(), tensor.start, tensor.len)?;
        let variable =
            Variable::new(tensor.dtype, tensor.shape, data).at(|| format!("tensor `{}`", tensor.name))?;
        let role = weights_h5::role_of_path(&tensor.name);
        artifact.variables.insert(tensor.name, variable.with_role(role))?;
    }
    artifact.metadata.extra.extend(header.metadata);
    Ok(())
}
