//! TensorBundle: the tensors of TensorFlow checkpoints and SavedModels, an index and its shards.
//!
//! Layout: `docs/formats/tensor-bundle.md`.

mod checked;
mod dtypes;
mod edit;
mod entry;
mod reader;
mod slice_key;
mod slices;
mod strings;
mod writer;

pub use dtypes::{dtype_from_tf, dtype_to_tf};
pub use edit::{BundleEdit, edit};
pub use reader::{Bundle, Stored};
pub use writer::{BundleIndex, BundleWriter};

/// Name of the index file of a prefix.
pub fn index_name(prefix: &str) -> String {
    format!("{prefix}.index")
}

/// Name of a shard of a prefix.
pub fn shard_name(prefix: &str, shard: u32, count: u32) -> String {
    format!("{prefix}.data-{shard:05}-of-{count:05}")
}
