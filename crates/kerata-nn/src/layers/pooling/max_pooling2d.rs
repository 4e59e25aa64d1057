//! `MaxPooling2D`: the largest of windows of a image.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The largest of windows of a image.
    MaxPooling2D, 2, ops::max_pool
}
