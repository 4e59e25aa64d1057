//! What every engine has to do, run on all of them.

mod conformance;
mod convolution;
mod fusion;
mod models;
mod moving;
mod op_cases;
mod recurrence;
mod training;
