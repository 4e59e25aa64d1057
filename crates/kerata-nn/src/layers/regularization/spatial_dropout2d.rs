//! `SpatialDropout2D`: drops whole channels, in training.

use super::drop_out;
use super::spatial::spatial;
use crate::layers::prelude::*;

spatial! {
    /// Drops whole channels over 2 spatial axes, in training.
    SpatialDropout2D, 2, data_format
}
