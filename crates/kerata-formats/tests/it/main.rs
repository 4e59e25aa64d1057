//! Integration tests of the formats, against files made by the libraries that define them.

mod edited;
mod golden;
mod hdf5;
mod hostile;
mod onnx;
mod tensorflow;
