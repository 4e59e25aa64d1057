//! `SpatialDropout3D`: drops whole channels, in training.

use super::drop_out;
use super::spatial::spatial;
use crate::layers::prelude::*;

spatial! {
    /// Drops whole channels over 3 spatial axes, in training.
    SpatialDropout3D, 3, data_format
}
