//! `AveragePooling2D`: the mean of windows of a image.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The mean of windows of a image.
    AveragePooling2D, 2, ops::average_pool
}
