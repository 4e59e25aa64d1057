//! Save, load, check, convert, run and train Keras models.
#![forbid(unsafe_code)]

mod elements;
mod finite;
mod load;
mod modern;
mod open;
#[cfg(feature = "png")]
mod picture;
mod place;
mod predict;
mod replace;
mod salvage;
mod save;
mod traces;

pub mod callbacks;
pub mod checkpoint;
pub mod datasets;
pub mod diff;
pub mod export;
pub mod inspect;
pub mod optimize;
pub mod plot;
pub mod stats;
pub mod summary;
pub mod text;
pub mod train;

pub use finite::require_finite;
pub use kerata_core as core;
pub use kerata_formats as formats;
pub use kerata_nn as nn;
pub use kerata_nn::{Model, Registry};
pub use load::{hold, load};
pub use modern::{is_old, modern, wants_modern};
pub use open::{OpenOptions, input, open, open_with};
pub use optimize::{OptimizeOptions, OptimizeReport, optimize};
#[cfg(feature = "png")]
pub use picture::png;
pub use plot::{PlotOptions, plot};
pub use predict::{PredictOptions, Predictor, predictor};
pub use save::{Observer, SaveOptions, Saved, save, save_with};
pub use traces::{needs_code, traced, with_traces};
pub use train::{Checkpoints, Fit, FitOptions, Fitted, History, fit, fit_with};

/// The examples of the README and the guide compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/guide/checkpoints.md")]
struct Readme;

/// The examples of the guide compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/small-files.md")]
struct SmallFiles;

/// The examples of the guide to running compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/running.md")]
struct Running;

/// The examples of the guide to saving compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/saving.md")]
struct Saving;

/// The examples of the guide to upgrading compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/upgrading.md")]
struct Upgrading;

/// The examples of the guide to production compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/production.md")]
struct Production;

/// So do those of the guide on layers of one's own.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/custom-layers.md")]
struct CustomLayers;
/// The examples of the guide to training compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/training.md")]
struct Training;
