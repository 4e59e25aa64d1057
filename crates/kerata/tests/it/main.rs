//! The public API: golden models and what Keras says about them, checkpoints.

mod checkpoint_faults;
mod checkpoints;
#[path = "../../../kerata-nn/tests/it/closeness.rs"]
mod closeness;
mod counts;
#[path = "../../../kerata-nn/tests/it/custom.rs"]
mod custom;
mod everywhere;
mod fitting;
mod golden;
mod imported;
mod joined;
mod kill_train;
mod load;
mod own_losses;
mod pairs;
mod running;
mod summary;
mod support;
mod traces;
