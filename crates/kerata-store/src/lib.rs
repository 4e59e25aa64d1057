//! Named bytes at rest: storage, atomic publish, mapped files.
//!
//! [`Storage`] is the trait; [`LocalStorage`], [`MemoryStorage`] and [`FaultyStorage`] are the same publish protocol
//! (`docs/design/001-atomic-publish.md`) over three [`Disk`]s.

mod arena;
pub mod conformance;
mod disk;
pub mod faulty;
pub mod local;
pub mod memory;
mod name;
mod on_disk;
mod storage;

pub use arena::Arena;
pub use disk::{Disk, DiskEntry, DiskFile, EntryKind, FolderLock, Rename};
pub use faulty::FaultyStorage;
pub use local::{LocalFolder, LocalStorage};
pub use memory::MemoryStorage;
pub use on_disk::OnDisk;
pub use storage::{Publish, PublishFolder, PutOptions, Storage, StoredEntry};
