//! Save, load, check, convert, run and train Keras models.
#![forbid(unsafe_code)]

mod elements;
mod open;
mod save;

pub mod diff;
pub mod inspect;
pub mod stats;

pub use kerata_formats as formats;
pub use open::{OpenOptions, input, open};
pub use save::{Observer, SaveOptions, Saved, save};
