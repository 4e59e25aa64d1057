//! `Members`: the files of a `.keras` model, zipped or not.

use std::sync::Arc;

use kerata_core::{Check, Data, Error, Result, ResultExt, SourceRef};

use crate::FolderRef;
use crate::containers::zip::{Archive, Member};

/// The files of one model.
pub(super) enum Members {
    Zip(Archive),
    Folder(FolderRef),
}

impl Members {
    /// Names of all files.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        match self {
            Self::Zip(archive) => Ok(archive.members().map(|member| member.name().to_owned()).collect()),
            Self::Folder(folder) => folder.names(),
        }
    }

    /// Everything in a file; `None` when it is not there.
    pub(super) fn read(&self, name: &str, names: &[String], max_bytes: u64) -> Result<Option<Vec<u8>>> {
        match self {
            _ if !names.iter().any(|found| found == name) => Ok(None),
            Self::Zip(archive) => archive.read(member(archive, name)?, max_bytes).map(Some),
            Self::Folder(folder) => {
                let source = folder.open(name)?;
                if source.len() > max_bytes {
                    return Err(
                        Error::limit(format!("{} bytes, the limit is {max_bytes}", source.len())).at(name)
                    );
                }
                source.read_vec(0, source.len()).map(Some).at(|| name)
            }
        }
    }

    /// A file to read at any place.
    pub(super) fn source(&self, name: &str) -> Result<SourceRef> {
        match self {
            Self::Zip(archive) => archive.source(member(archive, name)?),
            Self::Folder(folder) => folder.open(name),
        }
    }

    /// A file's bytes, read when asked for.
    pub(super) fn data(&self, name: &str) -> Result<Data> {
        match self {
            Self::Zip(archive) => archive.data(member(archive, name)?),
            Self::Folder(folder) => {
                let source = folder.open(name)?;
                let len = source.len();
                Data::range(source, 0, len)
            }
        }
    }

    /// The checksum of a file whose bytes are used where they lie.
    pub(super) fn check(&self, name: &str) -> Option<Arc<dyn Check>> {
        let Self::Zip(archive) = self else { return None };
        archive.get(name).filter(|member| member.is_stored()).map(|member| archive.check(member))
    }
}

fn member<'a>(archive: &'a Archive, name: &str) -> Result<&'a Member> {
    archive.get(name).ok_or_else(|| Error::not_found("no such member").at(name))
}
