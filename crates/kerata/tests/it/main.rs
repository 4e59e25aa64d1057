//! The golden models through the public API: what Keras says about them, kerata says too.

mod counts;
#[path = "../../../kerata-nn/tests/it/custom.rs"]
mod custom;
mod golden;
mod load;
mod summary;
mod traces;
