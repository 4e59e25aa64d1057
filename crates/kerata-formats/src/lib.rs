//! Readers and writers of every Keras file format: bytes to [`Artifact`](kerata_core::Artifact) and back.
#![forbid(unsafe_code)]
