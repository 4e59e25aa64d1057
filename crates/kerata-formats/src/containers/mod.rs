//! Containers: files of bytes inside files. They know bytes only, nothing of models.

pub mod zip;
