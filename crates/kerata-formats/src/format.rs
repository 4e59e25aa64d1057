//! `Format`: what a file format must be able to do.

use std::fmt;

use kerata_core::{Artifact, Error, FolderSink, Limits, LossReport, Result, Sink};

use crate::Input;

/// A file format: bytes to [`Artifact`] and back.
///
/// Reading is lazy: tensors stay ranges of their source. Same format in and out loses nothing.
pub trait Format: Sync + fmt::Debug {
    /// The name people type: `keras`, `weights.h5`.
    fn name(&self) -> &'static str;

    /// Endings of file names, lower case, with the dot; empty for formats that are named only.
    fn extensions(&self) -> &'static [&'static str];

    /// What is written: one file, a file with siblings, a folder.
    fn layout(&self) -> Layout {
        Layout::File
    }

    /// Whether the content is of this format. Looks at content, never at the name; an error says that the content
    /// claims to be of this format's family and is damaged.
    fn detect(&self, input: &Input) -> Result<bool>;

    /// Reads an artifact; what it claims is bounded by `limits`.
    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact>;

    /// Writes an artifact and says what the format cannot hold. The same artifact gives the same bytes.
    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport>;
}

/// What a format writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One file: give [`Output::File`].
    File,
    /// A file and others beside it: give [`Output::Siblings`].
    FileWithSiblings,
    /// A folder: give [`Output::Folder`].
    Folder,
}

/// Where a format writes to.
pub enum Output<'a> {
    /// One file.
    File(&'a mut dyn Sink),
    /// A file of this name and others beside it, all in `folder`.
    Siblings {
        /// Name of the file that is asked for.
        name: String,
        /// The folder it is written into.
        folder: &'a mut dyn FolderSink,
    },
    /// A folder of its own.
    Folder(&'a mut dyn FolderSink),
}

impl Output<'_> {
    /// The sink of a one-file format.
    pub fn file(&mut self) -> Result<&mut dyn Sink> {
        match self {
            Self::File(sink) => Ok(*sink),
            _ => Err(Error::usage("this format writes one file, not a folder")),
        }
    }

    /// The folder of a folder format.
    pub fn folder(&mut self) -> Result<&mut dyn FolderSink> {
        match self {
            Self::Folder(folder) => Ok(*folder),
            _ => Err(Error::usage("this format writes a folder, not one file")),
        }
    }

    /// Name and folder of a format that writes a file with siblings.
    pub fn siblings(&mut self) -> Result<(&str, &mut dyn FolderSink)> {
        match self {
            Self::Siblings { name, folder } => Ok((name, *folder)),
            _ => Err(Error::usage("this format writes a file with others beside it")),
        }
    }
}

/// How tensors are compressed, without loss: bytes of elements put together where that helps, then packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As they are: they can be used where they lie in the file.
    #[default]
    None,
    /// Deflated, which Keras and h5py read.
    Deflate,
    /// By Zstandard, which h5py reads with a plugin only. A `.keras` file keeps them in a member of its own, that Keras does not
    /// know.
    Zstd,
}

impl Compression {
    /// What does not read a file that is compressed so, as a loss.
    pub(crate) fn losses(self) -> LossReport {
        let mut report = LossReport::new();
        if self == Self::Zstd {
            report.lose("weights packed by Zstandard: kerata reads them, Keras does not, h5py with the package hdf5plugin");
        }
        report
    }
}

/// How to write.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Most payload bytes of one shard, for the sharded formats; `None` for one shard.
    pub max_shard_bytes: Option<u64>,
    /// Inserted into the names of shards (`m-TAG_00000.weights.h5`), so that shards of an older file of the same name
    /// stay whole until its index is replaced.
    pub shard_tag: Option<String>,
    /// Date noted in the file (`2026-01-31@12:00:00`); `None` keeps the artifact's own.
    pub date_saved: Option<String>,
    /// How tensors are compressed, in formats whose readers know how: `.keras`, `.weights.h5`, `.weights.json`, `.h5`.
    pub compression: Compression,
    /// Whether a SavedModel holds config and variables only, and no graphs: Keras's `save_traces=False`.
    pub without_traces: bool,
}

impl WriteOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the most payload bytes of one shard.
    #[must_use]
    pub fn max_shard_bytes(mut self, bytes: u64) -> Self {
        self.max_shard_bytes = Some(bytes);
        self
    }

    /// Sets what is inserted into the names of shards.
    #[must_use]
    pub fn shard_tag(mut self, tag: impl Into<String>) -> Self {
        self.shard_tag = Some(tag.into());
        self
    }

    /// Sets how tensors are compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets whether a SavedModel holds no graphs.
    #[must_use]
    pub fn without_traces(mut self, without_traces: bool) -> Self {
        self.without_traces = without_traces;
        self
    }

    /// Sets the date noted in the file.
    #[must_use]
    pub fn date_saved(mut self, date: impl Into<String>) -> Self {
        self.date_saved = Some(date.into());
        self
    }
}
