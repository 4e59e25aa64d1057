//! Integration tests of kerata-nn: models of real Keras run on the reference engine.

mod build;
mod cannot;
mod complete;
mod custom;
mod eras;
mod golden;
mod random;
mod recorded;
mod training;
