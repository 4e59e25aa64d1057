//! Callbacks: hear of the moments of a training and may change its course, as Keras's do.

mod callback;
mod list;
mod training;

pub use callback::Callback;
pub(crate) use list::CallbackList;
pub(crate) use training::Host;
pub use training::{Logs, Training};
