//! Callbacks: hear of the moments of a training and may change its course, as Keras's do.

mod callback;
mod list;
mod monitor;
mod training;

pub use callback::Callback;
pub(crate) use list::CallbackList;
pub use monitor::Mode;
pub(crate) use training::{Host, no_metric};
pub use training::{Logs, Training};
