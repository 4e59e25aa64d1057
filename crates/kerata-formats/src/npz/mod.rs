//! `.npz`: named NumPy arrays in a zip file (`docs/formats/npz.md`).

use indexmap::IndexMap;
use kerata_core::{Artifact, Error, Limits, LossReport, Result, ResultExt, Sink, SourceRef, Variable};

use crate::containers::npy::{self, TextKind};
use crate::containers::zip::{Archive, MemberOptions, ZipWriter};
use crate::{Format, Input, Output, WriteOptions, weights_h5};

const ENDING: &str = ".npy";

/// Reads all arrays of a `.npz` file by name, in file order.
pub fn read_arrays(source: &SourceRef, limits: &Limits) -> Result<IndexMap<String, Variable>> {
    arrays_of(&Archive::open(source.clone(), limits)?, limits)
}

/// Writes arrays as `numpy.savez` does: stored, in the order given.
pub fn write_arrays<'a>(
    arrays: impl IntoIterator<Item = (&'a str, &'a Variable)>,
    text: TextKind,
    sink: &mut dyn Sink,
) -> Result<()> {
    let mut zip = ZipWriter::new(sink);
    for (name, variable) in arrays {
        let options = MemberOptions::new().align(64).expected_bytes(npy::written_bytes(variable, text)?);
        let mut member = zip.start(&format!("{name}{ENDING}"), &options).at(|| name)?;
        npy::write(variable, text, &mut member).at(|| name)?;
        member.finish()?;
    }
    zip.finish()
}

/// The format `npz`: the variables of a model by path.
#[derive(Debug)]
pub struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".npz"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        match input.source() {
            Some(source) if Archive::is_zip(&input.head(4)?) => {
                let archive = Archive::open(source.clone(), &Limits::default())?;
                Ok(archive.members().len() > 0
                    && archive.members().all(|member| member.name().ends_with(ENDING)))
            }
            _ => Ok(false),
        }
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let mut artifact = Artifact::new();
        artifact.metadata.format = Some(self.name().to_owned());
        read_into(&mut artifact, input.require_source()?, limits)?;
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        _options: &WriteOptions,
    ) -> Result<LossReport> {
        write_arrays(artifact.variables.iter(), TextKind::Bytes, output.file()?)?;
        let mut report = weights_h5::config_losses(artifact, self.name(), crate::Compression::None);
        let untyped = |(path, variable): (&str, &Variable)| {
            (!npy::has_type(variable.dtype)).then(|| format!("`{path}` ({})", variable.dtype))
        };
        let names: Vec<String> = artifact.variables.iter().filter_map(untyped).collect();
        if !names.is_empty() {
            report.lose(format!("the dtype of {}: NumPy keeps raw bytes", names.join(", ")));
        }
        Ok(report)
    }
}

/// Adds every array as a variable.
pub(crate) fn read_into(artifact: &mut Artifact, source: &SourceRef, limits: &Limits) -> Result<()> {
    let archive = Archive::open(source.clone(), limits)?;
    for (path, variable) in arrays_of(&archive, limits)? {
        let role = weights_h5::role_of_path(&path);
        artifact.variables.insert(path, variable.with_role(role))?;
    }
    let stored = archive.members().filter(|member| member.is_stored());
    artifact.checks.extend(stored.map(|member| archive.check(member)));
    Ok(())
}

fn arrays_of(archive: &Archive, limits: &Limits) -> Result<IndexMap<String, Variable>> {
    let mut arrays = IndexMap::new();
    for member in archive.members() {
        let name = member.name().strip_suffix(ENDING).ok_or_else(|| {
            Error::unsupported("expected .npy members only in a .npz file").at(member.name())
        })?;
        let variable = npy::read(&archive.source(member)?, limits).at(|| member.name())?;
        arrays.insert(name.to_owned(), variable);
    }
    Ok(arrays)
}
