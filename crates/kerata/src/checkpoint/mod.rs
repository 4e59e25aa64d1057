//! Checkpoints: a folder of steps, each an ordinary Keras file, with one manifest that is written last.
//!
//! `docs/design/checkpoints.md` has the layout and why a cut at any moment loses nothing that was acknowledged.

mod arena;
mod checksum;
mod contents;
mod decide;
mod folder;
mod info;
mod keep;
mod manager;
mod manifest;
mod options;
mod restore;
mod seal;
mod transfer;
mod writer;

pub use contents::Contents;
pub use decide::{Moment, SaveWhen};
pub use info::StepInfo;
pub use keep::Keep;
pub use manager::{CheckpointManager, Outcome};
pub use manifest::MANIFEST;
pub use options::{BackPressure, CheckpointOptions, Clock, ErrorHandler};
pub use restore::{Restored, Skipped, Which};
pub(crate) use seal::{open, seal, unseal};
pub use transfer::{MatchBy, Mismatch, Transfer, TransferReport};
