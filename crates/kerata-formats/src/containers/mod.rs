//! Containers: files of bytes inside files. They know bytes only, nothing of models.

pub mod bundle;
pub mod hdf5;
pub mod npy;
pub mod proto;
pub mod table;
pub mod zip;
