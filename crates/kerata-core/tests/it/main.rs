//! The integration tests of `kerata-core`.

mod case;
mod functions;
mod graph;
mod ops;
