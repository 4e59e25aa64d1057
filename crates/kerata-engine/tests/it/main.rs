//! What every engine has to do, run on all of them.

mod conformance;
mod fusion;
mod models;
mod convolution;
