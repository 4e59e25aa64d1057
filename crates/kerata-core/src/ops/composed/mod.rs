//! Functions that are no ops of their own: composed of ops. An engine may recognise them by their name scopes.

mod logical;
mod tile;

pub use logical::{logical_and, logical_not, logical_or, logical_xor};
pub use tile::{repeat, repeat_each, tile};
