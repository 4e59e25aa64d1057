//! Integration tests of kerata-nn: models of real Keras run on the reference engine.

mod augmentation;
mod build;
mod cannot;
mod closeness;
mod complete;
mod custom;
mod eras;
mod golden;
mod jax;
mod random;
mod recorded;
mod training;
