//! `Input`: what a format reads: a file (with its siblings), a folder, or a prefix of several files.

use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::source::Folder;
use kerata_core::{Error, MemorySource, Result, SourceRef};

/// A shared folder.
pub type FolderRef = Arc<dyn Folder>;

/// One thing that a user asks to read.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File {
        /// Its name without folders.
        name: String,
        /// Its bytes.
        source: SourceRef,
        /// The folder it lies in, for formats of several files.
        siblings: Option<FolderRef>,
    },
    /// A folder.
    Folder {
        /// Its name.
        name: String,
        /// What it holds.
        folder: FolderRef,
    },
    /// A name that is no file itself, but the start of the names of several (`ckpt-1`).
    Prefix {
        /// The name without folders.
        name: String,
        /// The folder that holds the files.
        siblings: FolderRef,
    },
}

impl Input {
    /// A file without siblings.
    pub fn file(name: impl Into<String>, source: SourceRef) -> Self {
        Self::File { name: name.into(), source, siblings: None }
    }

    /// A file with the folder it lies in.
    pub fn file_in(name: impl Into<String>, source: SourceRef, siblings: FolderRef) -> Self {
        Self::File { name: name.into(), source, siblings: Some(siblings) }
    }

    /// A folder.
    pub fn folder(name: impl Into<String>, folder: FolderRef) -> Self {
        Self::Folder { name: name.into(), folder }
    }

    /// A prefix of several files.
    pub fn prefix(name: impl Into<String>, siblings: FolderRef) -> Self {
        Self::Prefix { name: name.into(), siblings }
    }

    /// A file of these bytes, without siblings.
    pub fn bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::file(name, MemorySource::shared(bytes))
    }

    /// The name, without folders.
    pub fn name(&self) -> &str {
        match self {
            Self::File { name, .. } | Self::Folder { name, .. } | Self::Prefix { name, .. } => name,
        }
    }

    /// The bytes of a file.
    pub fn source(&self) -> Option<&SourceRef> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }

    /// What a folder holds.
    pub fn as_folder(&self) -> Option<&FolderRef> {
        match self {
            Self::Folder { folder, .. } => Some(folder),
            _ => None,
        }
    }

    /// The folder that a file or prefix lies in.
    pub fn siblings(&self) -> Option<&FolderRef> {
        match self {
            Self::File { siblings, .. } => siblings.as_ref(),
            Self::Prefix { siblings, .. } => Some(siblings),
            Self::Folder { .. } => None,
        }
    }

    /// The bytes of a file; an error for anything else.
    pub fn require_source(&self) -> Result<&SourceRef> {
        self.source().ok_or_else(|| Error::usage("expected a file, found a folder"))
    }

    /// The first bytes of a file, at most `len`; empty for anything but a file.
    pub fn head(&self, len: u64) -> Result<Vec<u8>> {
        match self.source() {
            Some(source) => source.read_vec(0, len.min(source.len())),
            None => Ok(Vec::new()),
        }
    }
}

/// A folder held in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFolder(IndexMap<String, SourceRef>);

impl MemoryFolder {
    /// A folder of these files.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(files.into_iter().map(|(name, bytes)| (name, MemorySource::shared(bytes))).collect())
    }

    /// The same, shared.
    pub fn shared(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> FolderRef {
        Arc::new(Self::new(files))
    }
}

impl Folder for MemoryFolder {
    fn open(&self, name: &str) -> Result<SourceRef> {
        self.0.get(name).cloned().ok_or_else(|| Error::not_found("no such file").at(name))
    }

    fn names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort();
        Ok(names)
    }
}
