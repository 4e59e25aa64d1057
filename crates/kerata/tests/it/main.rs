//! The golden models through the public API: what Keras says about them, kerata says too.

mod counts;
mod golden;
mod summary;
