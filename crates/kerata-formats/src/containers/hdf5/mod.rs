//! HDF5: a safe subset, read and written. `docs/formats/hdf5.md` describes it to the byte.
//!
//! Reading knows groups, datasets and attributes of every libhdf5 from 1.0 to 1.14 as far as models use them; what
//! leads out of the file (soft and external links, external storage, virtual datasets) is refused by name.

mod array_index;
mod attribute;
mod btree1;
mod btree2;
mod checksum;
mod chunk_index;
mod chunked;
mod compress;
mod cursor;
mod dataset;
mod dataspace;
mod datatype;
mod decoder;
mod dense;
mod encode;
mod file;
mod filter;
mod group;
mod header;
mod heap;
mod image;
mod layout;
mod plan;
#[cfg(test)]
mod storm;
mod superblock;
mod swap;
mod text_heap;
mod walk;
mod writer;

pub use attribute::{Attribute, Attributes};
pub use dataset::Dataset;
pub use encode::StringKind;
pub use file::{File, Group};
pub use plan::Plan;
pub use superblock::SIGNATURE;
pub use writer::Writer;
