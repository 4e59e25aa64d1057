//! TensorFlow's graphs: reading them as kerata graphs and writing kerata graphs as them.

pub mod export;
pub mod import;
