//! `Storage`: named bytes at rest. Nothing is ever half written under a name.

use std::fmt;

use kerata_core::{FolderSink, Result, Sink, SourceRef};

/// A place that keeps bytes under names, parts joined by `/`.
pub trait Storage: Send + Sync + fmt::Debug {
    /// Opens what a name holds.
    fn get(&self, name: &str) -> Result<SourceRef>;

    /// Starts writing what a name shall hold; nothing changes until [`Publish::publish`].
    fn create(&self, name: &str, options: &PutOptions) -> Result<Box<dyn Publish + '_>>;

    /// Starts writing a folder; it appears whole, in place of a folder of the same name when that is allowed.
    fn create_folder(&self, name: &str, options: &PutOptions) -> Result<Box<dyn PublishFolder + '_>>;

    /// Starts writing several files into an existing folder (`""` for the root). They appear in the order they were
    /// created, so the file that points to the others must be created last.
    fn create_group(&self, folder: &str, options: &PutOptions) -> Result<Box<dyn PublishFolder + '_>>;

    /// Names of all files whose names start with `prefix`, sorted, without those being written.
    fn list(&self, prefix: &str) -> Result<Vec<StoredEntry>>;

    /// Removes a file, or a folder with all it holds.
    fn delete(&self, name: &str) -> Result<()>;

    /// Gives a file or folder another name that is not taken.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Removes what killed processes left in a folder (`""` for the root) of files that they were writing. What somebody
    /// still writes stays.
    fn clear_abandoned(&self, folder: &str) -> Result<()> {
        let _ = folder;
        Ok(())
    }

    /// Writes a whole file.
    fn put(&self, name: &str, bytes: &[u8], options: &PutOptions) -> Result<()> {
        let mut file = self.create(name, options)?;
        file.write(bytes)?;
        file.publish()
    }
}

/// One file that [`Storage::list`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// A file being written. Dropped without [`publish`](Self::publish), it leaves nothing.
pub trait Publish: Sink {
    /// Makes the bytes durable, then visible under their name.
    fn publish(self: Box<Self>) -> Result<()>;
}

/// Several files being written. Dropped without [`publish`](Self::publish), they leave nothing.
pub trait PublishFolder: FolderSink {
    /// Makes all files durable, then visible.
    fn publish(self: Box<Self>) -> Result<()>;
}

/// How something is put into a storage.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// Whether what is there is replaced; else it is [`ErrorKind::AlreadyExists`](kerata_core::ErrorKind::AlreadyExists).
    pub overwrite: bool,
    /// About how many bytes will come, so that room is taken at once; 0 when not known.
    pub expected_bytes: u64,
}

impl PutOptions {
    /// Nothing is replaced, no size is expected.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether what is there is replaced.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets how many bytes are expected.
    #[must_use]
    pub fn expected_bytes(mut self, bytes: u64) -> Self {
        self.expected_bytes = bytes;
        self
    }
}
