//! `MaxPooling3D`: the largest of windows of a volume.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The largest of windows of a volume.
    MaxPooling3D, 3, ops::max_pool
}
