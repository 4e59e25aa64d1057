//! `save`: from an artifact to a file or folder, whole or not at all.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kerata_core::artifact::{TraceOrigin, Traces};
use kerata_core::{Artifact, Data, Error, FolderSink, LossReport, Result, Sink};
use kerata_formats::{Compression, Format, Layout, Output, WriteOptions, by_extension};
use kerata_nn::Registry;
use kerata_store::{LocalStorage, PutOptions, Storage};

use crate::place::at_path;
use crate::replace::{OldShards, check_folder};
use crate::traces::{needs_code, with_traces};

/// Hears how many bytes are written so far; an error stops the save, and nothing is changed.
pub type Observer = Arc<dyn Fn(u64) -> Result<()> + Send + Sync>;

/// How to save.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct SaveOptions {
    /// The format; chosen by the ending of the path when `None`.
    pub format: Option<&'static dyn Format>,
    /// Whether what is there is replaced.
    pub overwrite: bool,
    /// Whether it is an error that the format cannot hold everything.
    pub strict: bool,
    /// Most payload bytes of one shard, for sharded formats.
    pub max_shard_bytes: Option<u64>,
    /// Whether a `.keras` file carries what the model computes, so that it runs without the code of its layers; `None`:
    /// when it holds layers or functions that are not built in, or was read from a file that had them. A SavedModel does
    /// unless this is `Some(false)`: config and variables only, Keras's `save_traces=False`.
    pub traces: Option<bool>,
    /// What tells the classes of layers, where a trace must be made.
    pub registry: Option<Registry>,
    /// How tensors are compressed, in formats whose readers know how; such files cannot be mapped.
    pub compression: Compression,
    /// Hears how far the writing is.
    pub observer: Option<Observer>,
}

impl fmt::Debug for SaveOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveOptions")
            .field("format", &self.format.map(Format::name))
            .field("overwrite", &self.overwrite)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

impl SaveOptions {
    /// The defaults: nothing is replaced, losses are reported.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the format.
    #[must_use]
    pub fn format(mut self, format: &'static dyn Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets whether what is there is replaced.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets whether it is an error that the format cannot hold everything.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets the most payload bytes of one shard.
    #[must_use]
    pub fn max_shard_bytes(mut self, bytes: u64) -> Self {
        self.max_shard_bytes = Some(bytes);
        self
    }

    /// Sets whether a `.keras` file carries what the model computes.
    #[must_use]
    pub fn traces(mut self, traces: bool) -> Self {
        self.traces = Some(traces);
        self
    }

    /// Sets what tells the classes of layers, where a trace must be made.
    #[must_use]
    pub fn registry(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Sets whether tensors are compressed, so that Keras reads them.
    #[must_use]
    pub fn compress(self, compress: bool) -> Self {
        self.compression(if compress { Compression::Deflate } else { Compression::None })
    }

    /// Sets how tensors are compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets who hears how far the writing is.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(u64) -> Result<()> + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}

/// What a save came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Saved {
    /// Name of the format.
    pub format: &'static str,
    /// Bytes written.
    pub bytes: u64,
    /// What the format could not hold.
    pub losses: LossReport,
}

/// Saves an artifact. On any failure the old file is as it was, and nothing new is left.
///
/// Checksums of the file that the artifact was read from are compared before anything is published.
pub fn save(artifact: &Artifact, path: impl AsRef<Path>, options: &SaveOptions) -> Result<Saved> {
    let path = path.as_ref();
    let (storage, name) = LocalStorage::of(path)?;
    let format = match options.format {
        Some(format) => format,
        None => by_extension(&name)?,
    };
    let artifact = with_its_traces(artifact, format, options).map_err(|error| at_path(error, path))?;
    write(&artifact, &storage, &name, format, options).map_err(|error| at_path(error, path))
}

/// The artifact with the traces that a `.keras` file is to carry, or none.
fn with_its_traces<'a>(
    artifact: &'a Artifact,
    format: &'static dyn Format,
    options: &SaveOptions,
) -> Result<Cow<'a, Artifact>> {
    if !format.name().starts_with("keras") {
        return Ok(Cow::Borrowed(artifact));
    }
    let wanted = options.traces;
    let is_stored = |traces: &Arc<dyn Traces>| traces.origin() == TraceOrigin::Stored;
    let is_needed = || {
        artifact.traces.as_ref().is_some_and(is_stored) || artifact.config.as_ref().is_some_and(needs_code)
    };
    if !wanted.unwrap_or_else(is_needed) {
        let mut bare = artifact.clone();
        bare.traces = None;
        return Ok(Cow::Owned(bare));
    }
    let registry = options.registry.as_ref().unwrap_or_else(|| Registry::built_in());
    match with_traces(artifact, registry) {
        Ok(traced) => Ok(Cow::Owned(traced)),
        // Nobody asked for what cannot be had without the code.
        Err(_) if wanted.is_none() => Ok(Cow::Borrowed(artifact)),
        Err(error) => Err(error),
    }
}

/// Writes any file whole or not at all: the bytes that `write` puts into the sink appear under the path together.
pub fn save_with(
    path: impl AsRef<Path>,
    overwrite: bool,
    write: impl FnOnce(&mut dyn Sink) -> Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let (storage, name) = LocalStorage::of(path)?;
    let publish = || {
        let mut file = storage.create(&name, &PutOptions::new().overwrite(overwrite))?;
        write(&mut *file)?;
        file.publish()
    };
    publish().map_err(|error| at_path(error, path))
}

fn write(
    artifact: &Artifact,
    storage: &LocalStorage,
    name: &str,
    format: &'static dyn Format,
    options: &SaveOptions,
) -> Result<Saved> {
    let mut write_options = WriteOptions::new();
    write_options.max_shard_bytes = options.max_shard_bytes;
    write_options.compression = options.compression;
    write_options.without_traces = options.traces == Some(false);
    // How small something gets is not known before.
    let expected = if options.compression == Compression::None { expected_bytes(artifact) } else { 0 };
    let put = PutOptions::new().overwrite(options.overwrite).expected_bytes(expected);
    let written = AtomicU64::new(0);
    let watch = Watch { written: &written, observer: options.observer.as_deref() };
    let losses = match format.layout() {
        Layout::File => {
            let mut file = storage.create(name, &put)?;
            let mut sink = WatchedSink { sink: &mut *file, watch };
            let losses = verified(artifact, || {
                let losses = format.write(artifact, &mut Output::File(&mut sink), &write_options)?;
                refuse_losses(losses, options)
            })?;
            file.publish()?;
            losses
        }
        layout => {
            let old_shards = match layout {
                Layout::Folder if options.overwrite => check_folder(storage, name).map(|()| None)?,
                Layout::Folder => None,
                _ => OldShards::of(storage, name),
            };
            write_options.shard_tag = old_shards.as_ref().map(OldShards::free_tag);
            let mut folder = match layout {
                Layout::Folder => storage.create_folder(name, &put)?,
                _ => storage.create_group("", &put)?,
            };
            let mut watched = WatchedFolder { folder: &mut *folder, watch };
            let mut output = match layout {
                Layout::Folder => Output::Folder(&mut watched),
                _ => Output::Siblings { name: name.to_owned(), folder: &mut watched },
            };
            let losses = verified(artifact, || {
                let losses = format.write(artifact, &mut output, &write_options)?;
                refuse_losses(losses, options)
            })?;
            folder.publish()?;
            if let Some(old) = old_shards {
                old.clear(storage, name);
            }
            losses
        }
    };
    Ok(Saved { format: format.name(), bytes: written.into_inner(), losses })
}

/// About how long the file gets, rather too long: room that is taken later stops what is being written.
pub(crate) fn expected_bytes(artifact: &Artifact) -> u64 {
    const BESIDE_BYTES: u64 = 1 << 20;
    const BESIDE_VARIABLE_BYTES: u64 = 2 << 10;
    let of_variables = artifact.variables.iter().map(|(_, variable)| variable.data.len());
    let of_files = artifact.assets.values().chain(artifact.extras.values()).map(Data::len);
    let bytes: u64 = of_variables.chain(of_files).sum();
    bytes + BESIDE_BYTES + BESIDE_VARIABLE_BYTES * artifact.variables.len() as u64
}

/// Writes, and meanwhile compares the checksums of what the artifact was read from.
pub(crate) fn verified(
    artifact: &Artifact,
    write: impl FnOnce() -> Result<LossReport>,
) -> Result<LossReport> {
    if artifact.checks.is_empty() {
        return write();
    }
    let has_failed = AtomicBool::new(false);
    let go_on = || match has_failed.load(Ordering::Relaxed) {
        true => Err(Error::internal("a check that nobody waits for")),
        false => Ok(()),
    };
    std::thread::scope(|scope| {
        let check = std::thread::Builder::new().spawn_scoped(scope, || artifact.verify_while(&go_on));
        let losses = write().inspect_err(|_| has_failed.store(true, Ordering::Relaxed))?;
        let stopped = |_| Err(Error::internal("the thread that compares checksums stopped"));
        match check {
            Ok(thread) => thread.join().unwrap_or_else(stopped)?,
            Err(_) => artifact.verify()?,
        }
        Ok(losses)
    })
}

fn refuse_losses(losses: LossReport, options: &SaveOptions) -> Result<LossReport> {
    match losses.losses().first() {
        Some(loss) if options.strict => {
            let more = losses.losses().len() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            Err(Error::mismatch(format!("the format cannot hold {loss}{more}"))
                .hint("leave out strict to save the rest"))
        }
        _ => Ok(losses),
    }
}

type Observe<'a> = Option<&'a (dyn Fn(u64) -> Result<()> + Send + Sync)>;

/// Counts what is written and tells the observer.
#[derive(Clone, Copy)]
struct Watch<'a> {
    written: &'a AtomicU64,
    observer: Observe<'a>,
}

impl Watch<'_> {
    fn add(&self, bytes: usize) -> Result<()> {
        let total = self.written.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.observer.map_or(Ok(()), |observer| observer(total))
    }
}

struct WatchedSink<'a, S> {
    sink: S,
    watch: Watch<'a>,
}

impl<S: std::ops::DerefMut<Target: Sink> + Send> Sink for WatchedSink<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.watch.add(bytes.len())?;
        self.sink.write(bytes)
    }

    fn position(&self) -> u64 {
        self.sink.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.sink.patch(offset, bytes)
    }
}

struct WatchedFolder<'a, F: ?Sized> {
    folder: &'a mut F,
    watch: Watch<'a>,
}

impl<F: FolderSink + ?Sized> FolderSink for WatchedFolder<'_, F> {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        let sink = self.folder.create(name)?;
        Ok(Box::new(WatchedSink { sink, watch: self.watch }))
    }
}
