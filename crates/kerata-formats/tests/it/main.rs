//! Integration tests of the formats, against files made by the libraries that define them.

#[path = "../../../kerata-nn/tests/it/closeness.rs"]
mod closeness;
mod edited;
mod golden;
mod hdf5;
mod hostile;
mod onnx;
mod tensorflow;
