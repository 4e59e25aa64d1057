//! Tests of the storages.

mod conformance;
