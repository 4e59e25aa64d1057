//! Tests of the storages.

mod conformance;
mod faults;
mod local;
