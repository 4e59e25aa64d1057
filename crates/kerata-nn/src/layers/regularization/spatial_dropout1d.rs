//! `SpatialDropout1D`: drops whole channels, in training.

use super::drop_out;
use super::spatial::spatial;
use crate::layers::prelude::*;

spatial! {
    /// Drops whole channels over 1 spatial axes, in training.
    SpatialDropout1D, 1
}
