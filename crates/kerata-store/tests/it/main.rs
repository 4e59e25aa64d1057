//! Tests of the storages.

mod conformance;
mod faults;
mod full;
mod kill;
mod local;
