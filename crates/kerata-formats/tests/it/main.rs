//! Integration tests of the formats, against files made by the libraries that define them.

mod hdf5;
mod tensorflow;
