//! `AveragePooling3D`: the mean of windows of a volume.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The mean of windows of a volume.
    AveragePooling3D, 3, ops::average_pool
}
