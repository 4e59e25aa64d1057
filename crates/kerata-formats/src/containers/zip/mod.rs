//! Zip archives: a strict reader and a deterministic one-pass writer (`docs/formats/zip.md`).

mod layout;
mod name;
mod read;
mod records;
mod salvage;
mod write;

pub use read::{Archive, Member};
pub use salvage::{Remains, remains};
pub use write::{MemberOptions, MemberSink, Stamp, ZipWriter};
