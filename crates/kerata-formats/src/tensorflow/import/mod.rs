//! A graph of TensorFlow as a graph of kerata: functions are inlined, each op is read by its line in a table.
//!
//! `docs/formats/saved-model.md`, section "Running", lists the ops.

mod arrays;
mod asked;
mod call;
mod control;
mod flow;
mod functions;
mod images;
mod linalg;
mod lists;
mod loops;
mod math;
mod network;
mod outputs;
mod program;
mod ragged;
mod random;
mod refused;
mod shapes;
mod slices;
mod state;
mod structure;
mod table;
mod tensor_arrays;
mod tensors;
mod text;
mod value;

pub(crate) use asked::{is_placeholder, placeholder, result};
pub(crate) use functions::node_of;
pub use program::Program;
pub(crate) use tensors::array_of;
